"""Runs as variants: planned, trained in a race, compared and reported.

The modules, in the order in which `unetlite choose` comes to them:

- what is asked: request, user_data, request_data, inspection_page
- the plan: schedule, step_times, race_times, training_times, expectation, planning, plan_text,
  experiment
- levers, before the race: levers, trials, lever_planning, lever_runs, lever_outcome, lever_record,
  lever_adoption, lever_table
- the race: race_record, race, monitor
- finished runs: runs, metrics, control, variant_names, missed_classes, comparison, curves, classes
- costs: costs, kept_costs, device_costs
- the data behind a score: run_data, suspects, misplaced, fold_masks, orientation
- the report: report, trained, next_steps, report_tables, report_files, figures, score_chart,
  charts, tensorboard
- other data sets: across_sets, advice
"""
