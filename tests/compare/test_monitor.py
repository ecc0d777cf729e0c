"""How a race stands, for the terminal."""

from unetlite.compare.monitor import RaceMonitor
from unetlite.compare.race_record import Interim, RacePlan, RaceRecord

STEPS = {"zeros": 0.1, "nearest": 0.2}
PLAN = RacePlan(list(STEPS), seeds=10)
FINISHED = {"nearest": {0: 0.9, 1: 0.8, 2: 0.85}, "zeros": {0: 0.5, 1: 0.4, 2: 0.6}}
INTERIM = Interim(3, ["nearest"], {"nearest": 0.0, "zeros": 0.45})
ENDED = "one candidate is left"


def new_monitor():
    return RaceMonitor(RaceRecord(PLAN), STEPS, {name: {} for name in STEPS})


def cells(monitor):
    return [list(column.cells) for column in monitor.table().columns]


def test_trainings_and_interims_of_an_earlier_start_are_in_the_table():
    monitor = RaceMonitor(RaceRecord(PLAN, [INTERIM], ENDED), STEPS, FINISHED)
    assert monitor.done == 6
    names, trainings, means, regrets, steps = cells(monitor)
    assert names == ["nearest", "zeros (dropped)"]
    assert trainings == ["3", "3"]
    assert means == ["0.8500", "0.5000"]
    assert regrets == ["0.0000", "0.4500"]
    assert steps == ["200 ms", "100 ms"]
    assert "6 of at most 13" in monitor.table().title


def test_each_training_and_interim_analysis_gives_a_line():
    monitor = new_monitor()
    assert cells(monitor)[2] == ["", ""]
    line = monitor.finished("nearest", 0, 0.9)
    assert line.startswith("1 of at most 20   nearest seed0   0.9000")
    assert "min to the interim analysis at 3 seeds" in line
    monitor.finished("zeros", 0, 0.5)
    monitor.record.interims.append(INTERIM)
    line = monitor.interim(INTERIM)
    assert line == "interim analysis at 3 seeds: dropped zeros; may be the best: nearest"
    assert cells(monitor)[0] == ["nearest", "zeros (dropped)"]
    assert "interim analysis at 5 seeds" in monitor.finished("nearest", 1, 0.8)
    assert "dropped none" in monitor.interim(Interim(5, ["nearest"], {"nearest": 0.0}))


def test_a_training_without_a_score_is_counted():
    monitor = new_monitor()
    assert "nan" in monitor.finished("zeros", 0, None)
    names, trainings, *_ = cells(monitor)
    assert dict(zip(names, trainings, strict=True)) == {"zeros": "1", "nearest": "0"}
