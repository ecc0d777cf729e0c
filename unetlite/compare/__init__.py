"""Runs as variants: planned, trained in a race, compared and reported.

Here are finished runs: runs, metrics, control, variant_names, comparison, curves, classes and
missed_classes; and what other data sets tell: across_sets and advice. The rooms:

- planning: from a question to an experiment that fits into a time
- levers: what gains more than the operator
- race: trainings in rounds, and interim analyses
- costs: what each variant costs
- doctor: what looks wrong in the data
- report: what is shown
"""
