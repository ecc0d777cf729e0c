"""Which variant is better, with evidence: reading runs, statistics, costs, pictures, the report."""
