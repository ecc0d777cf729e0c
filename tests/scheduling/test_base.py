"""Which training is next, what is tried again, and what an outcome is."""

import errno
import pickle
from types import SimpleNamespace

import pytest

from unetlite.errors import InUse, RunFailed, UsageError
from unetlite.run_directory import lock
from unetlite.scheduling import base
from unetlite.scheduling.base import MemoryLacking, Scheduler, WorkerLost, translate


class Done:
    """A task that has ended."""

    def __init__(self, error):
        self.error = error

    def done(self):
        return True

    def result(self):
        return self.error


class Scripted(Scheduler):
    """Ends each training as its script says, by number, and notes how many were running."""

    def __init__(self, slots, scripts):
        self.slots = slots
        self.scripts = scripts
        self.started = []

    def start(self, settings):
        self.started.append(settings.seed)
        return Done(self.scripts.get(settings.seed, []).pop(0))

    def close(self, at_once):
        self.ended_at_once = at_once


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    monkeypatch.setattr(base, "POLL", 0)
    monkeypatch.setattr(base, "PATIENCE", 0.01)
    return [
        SimpleNamespace(seed=seed, upsample={"name": "x"}, run_dir=str(tmp_path / str(seed)))
        for seed in range(3)
    ]


def test_a_lost_worker_costs_its_training_only_which_is_last_tried_alone(jobs, capsys):
    lost = WorkerLost("killed by SIGKILL")
    scripts = {0: [None], 1: [lost, lost, lost], 2: [None]}
    with Scripted(2, scripts) as scheduler:
        outcomes = {outcome.settings.seed: outcome.failure for outcome in scheduler.run(jobs)}
    assert outcomes[0] is outcomes[2] is None
    assert "killed by SIGKILL, in try 3 and with no other training beside it" in outcomes[1]
    assert "data.batch_size" in outcomes[1]
    assert scheduler.started.count(1) == 3
    assert capsys.readouterr().out.count("seed=1: killed by SIGKILL; it goes on") == 2


def test_a_training_without_enough_memory_is_tried_once_more_with_no_other_beside_it(jobs):
    running = []

    class Counting(Scripted):
        def start(self, settings):
            task = super().start(settings)
            running.append((settings.seed, len(self.agenda.running)))
            return task

        def _fill(self, agenda):
            self.agenda = agenda
            super()._fill(agenda)

    scripts = {0: [MemoryLacking("no memory"), None], 1: [None], 2: [None]}
    with Counting(3, scripts) as scheduler:
        assert all(outcome.failure is None for outcome in scheduler.run(jobs))
    assert running == [(0, 0), (1, 1), (2, 2), (0, 0)]


def test_a_failed_training_is_an_outcome_and_a_mistake_of_the_user_ends_all(jobs):
    scripts = {0: [RunFailed("the loss is nan")], 1: [UsageError("no such folder")]}
    scheduler = Scripted(1, scripts)
    outcomes = []

    def run():
        with scheduler:
            outcomes.extend(scheduler.run(jobs))

    with pytest.raises(UsageError, match="no such folder"):
        run()
    assert scheduler.ended_at_once
    assert scheduler.started == [0, 1]


def test_jobs_are_taken_when_a_slot_is_free(jobs):
    taken = []
    scripts = {seed: [None] for seed in range(3)}
    with Scripted(1, scripts) as scheduler:
        for outcome in scheduler.run(taken.append(job.seed) or job for job in jobs):
            assert taken[-1] == outcome.settings.seed  # none is taken before


def test_a_directory_in_use_is_waited_for(jobs, tmp_path, capsys):
    scripts = {0: [InUse("written"), None], 1: [None], 2: [None]}
    held = lock(tmp_path / "1")
    held.__enter__()
    ended = []
    with Scripted(3, scripts) as scheduler:
        for outcome in scheduler.run(jobs):
            ended.append(outcome.settings.seed)
            if len(ended) == 2:
                assert 1 not in scheduler.started
                held.__exit__(None, None, None)
    assert ended == [2, 0, 1]
    assert scheduler.started.count(0) == 2
    assert capsys.readouterr().out.count("another process trains it") == 2


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), MemoryLacking),
        (MemoryError(), MemoryLacking),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed."), WorkerLost),
        (OSError(errno.ENOSPC, "No space left", "last.ckpt"), OSError),
        (ZeroDivisionError("division by zero\nand more"), RunFailed),
    ],
)
def test_what_ends_a_training_is_one_of_few_kinds_that_travel(error, expected):
    kind = pickle.loads(pickle.dumps(translate(error)))
    assert type(kind) is expected
    if expected is RunFailed:
        assert str(kind) == "ZeroDivisionError: division by zero"


def test_a_worker_that_does_not_see_the_shared_folders_says_so(jobs, tmp_path):
    error = base.run_training(jobs[0], [tmp_path, tmp_path / "decoded"])
    assert isinstance(error, UsageError)
    assert "decoded" in str(error)
    assert "UNETLITE_HOME=DIR" in str(error)
