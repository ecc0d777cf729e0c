"""What changes of the settings gain beside the operator, measured before a race or alone.

kinds has all levers; trials and plan choose their trainings; runs trains, outcome judges, and
record keeps; adoption changes the race, and table shows.
"""
