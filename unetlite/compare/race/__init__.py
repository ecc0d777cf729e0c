"""Trainings in rounds with interim analyses that drop operators, their record, and the screen."""
