"""From a question to an experiment: what is asked, what steps take, and which race a time buys.

request, user_data, request_data and inspection_page take the question and look at the data;
schedule, step_times, race_times and training_times know what trainings take; expectation knows
which bound to expect; search finds the race, plan_text prints it, and experiment holds all of it.
"""
