"""submitit, where it is installed: a job that is lost costs its training only.

Ray is tried by `races.py` of tests/faults, with a node that is killed.
"""

import os
import signal
import time
from pathlib import Path
from threading import Thread

import pytest
from helpers import overrides

from unetlite.errors import UsageError
from unetlite.scheduling.slurm import SlurmScheduler, parse_options
from unetlite.settings.composition import compose_run

THREADS = 1


@pytest.fixture
def long(discs, tmp_path):
    """Settings of a training that takes seconds, and its checkpoint."""
    words = overrides(discs, tmp_path, "trainer.max_epochs=60", "resume=auto", "seed=0")
    return compose_run(words), tmp_path / "outputs" / "test" / "transpose" / "seed0" / "last.ckpt"


def wait_until(condition, seconds=300):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def check_it_went_on(scheduler, settings, checkpoint, capsys):
    """The training ends, was begun once and went on once."""
    with scheduler:
        (outcome,) = scheduler.run([settings])
    assert outcome.failure is None
    assert checkpoint.with_name("metrics.json").exists()
    assert "it goes on from its checkpoint" in capsys.readouterr().out
    assert checkpoint.with_name("train.log").read_text().count("parameters in") == 2


def make_slurm(folder, shared, options="cluster=local"):
    return SlurmScheduler(
        parse_options(options),
        THREADS,
        uses_gpu=False,
        parallel=1,
        folder=folder,
        shared=shared,
    )


def test_a_job_that_is_killed_costs_its_training_only(long, discs, tmp_path, capsys):
    pytest.importorskip("submitit", reason="submitit is not installed")
    settings, checkpoint = long
    scheduler = make_slurm(tmp_path / "jobs", [discs])

    def kill_job():
        wait_until(checkpoint.exists)
        controller = scheduler.tasks[0].job._process.pid
        for child in Path(f"/proc/{controller}/task/{controller}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)

    Thread(target=kill_job, daemon=True).start()
    check_it_went_on(scheduler, settings, checkpoint, capsys)


def test_a_cluster_that_is_not_there_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("submitit", reason="submitit is not installed")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match=r"--on slurm: .*srun"):
        make_slurm(tmp_path, [], options="partition=gpu")
    with pytest.raises(UsageError, match=r"--on slurm: .*nonsense"):
        make_slurm(tmp_path, [], options="cluster=local,nonsense=1")
