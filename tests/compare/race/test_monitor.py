"""How a race stands, for the terminal."""

from unetlite.compare.race.monitor import RaceMonitor
from unetlite.compare.race.record import Interim, RacePlan, RaceRecord

STEPS = {"zeros": 0.1, "nearest": 0.2}
PLAN = RacePlan(list(STEPS), seeds=10)
FINISHED = {"nearest": {0: 0.9, 1: 0.8, 2: 0.85}, "zeros": {0: 0.5, 1: 0.4, 2: 0.6}}
INTERIM = Interim(3, ["nearest"], {"nearest": 0.0, "zeros": 0.45})
ENDED = "one candidate is left"


TRAININGS = {"zeros": 100.0, "nearest": 200.0}


def new_monitor(record=None, scores=None):
    return RaceMonitor(
        record or RaceRecord(PLAN),
        STEPS,
        scores or {name: {} for name in STEPS},
        TRAININGS,
        report_seconds=60,
        groups=20,
    )


def cells(monitor):
    return [list(column.cells) for column in monitor.table().columns]


def test_trainings_and_interims_of_an_earlier_start_are_in_the_table():
    monitor = new_monitor(RaceRecord(PLAN, [INTERIM], ENDED), FINISHED)
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
    assert line.startswith("1 of at most 20   nearest seed0   test 0.9000")
    assert "until 3 seeds" in line
    assert "the end is now expected in" not in line
    assert "the end is now expected in" in monitor.finished("zeros", 0, 0.5)
    monitor.record.interims.append(INTERIM)
    line = monitor.interim(INTERIM)
    assert line == (
        "interim analysis at 3 seeds: dropped zeros; may be the best: nearest\n"
        "the safest of them is at most 0.0000 below the best"
    )
    assert cells(monitor)[0] == ["nearest", "zeros (dropped)"]
    assert "until 5 seeds" in monitor.finished("nearest", 1, 0.8)


def test_the_last_training_before_an_analysis_says_that_all_are_done():
    scores = {"nearest": {0: 0.9, 1: 0.8, 2: 0.85}, "zeros": {0: 0.5, 1: 0.4}}
    line = new_monitor(scores=scores).finished("zeros", 2, 0.6)
    assert line.splitlines()[0].endswith("zeros seed2   test 0.6000   all 3 seeds are trained")


def test_a_training_without_a_score_is_counted():
    monitor = new_monitor()
    assert "nan" in monitor.finished("zeros", 0, None)
    names, trainings, *_ = cells(monitor)
    assert dict(zip(names, trainings, strict=True)) == {"zeros": "1", "nearest": "0"}


def test_the_end_is_corrected_by_what_trainings_took(monkeypatch):
    now = 0.0
    monkeypatch.setattr("unetlite.compare.race.monitor.time.monotonic", lambda: now)
    plan = RacePlan(list(STEPS), seeds=10, budget=3000.0)
    monitor = new_monitor(RaceRecord(plan))
    now = 450.0  # 300 were planned
    monitor.finished("nearest", 0, 0.9)
    line = monitor.finished("zeros", 0, 0.8)
    assert "trainings take 1.50 of the plan" in line
    # 5 seeds take 5 * 450 s, 7 are more than the budget; after 450 s, with a report of 60 s:
    assert "the end is now expected in 31 min" in line
    assert "past the budget" not in line


def test_the_end_past_the_budget_is_said_as_soon_as_it_is_known(monkeypatch):
    now = 0.0
    monkeypatch.setattr("unetlite.compare.race.monitor.time.monotonic", lambda: now)
    plan = RacePlan(list(STEPS), seeds=10, budget=1000.0)
    record = RaceRecord(plan, seconds=100.0)  # of an earlier start
    monitor = new_monitor(record)
    now = 600.0  # 300 were planned
    monitor.finished("nearest", 0, 0.9)
    line = monitor.finished("zeros", 0, 0.8)
    # 100 + 600 s, and 1200 s for two more seeds of each: 900 s past 1000.
    assert line.endswith("past the budget by 15 min")
    record.seconds = 700.0  # as an interim analysis records it
    assert monitor.finished("zeros", 0, 0.8).endswith("past the budget by 10 min")


def test_an_interim_says_what_another_one_costs_and_buys():
    monitor = new_monitor(scores=FINISHED)
    line = monitor.interim(Interim(3, list(STEPS), {"nearest": 0.01, "zeros": 0.02}, 0.005))
    assert "at most 0.0100 below the best" in line
    assert "trainings up to 5 seeds take 10 min more" in line
    assert 0.002 < float(line.rpartition("about ")[2]) < 0.0095
    assert "more" not in monitor.interim(Interim(10, list(STEPS), {"nearest": 0.01, "zeros": 0.02}))
