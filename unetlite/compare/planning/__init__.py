"""From a question to an experiment: what is asked, what steps take, and which race a time buys.

request, user_data, request_data and inspection_page take the question and look at the data;
schedule, step_times, race_times and training_times know what trainings take; expectation knows
which bound to expect, and rare_class which training is long enough; search finds the race, smaller
what fits in its place, and plan_text prints it. experiment holds all of it, set_aside moves what
was there before, and command is the line to paste.
"""
