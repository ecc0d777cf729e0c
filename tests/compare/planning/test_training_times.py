"""What trainings take is measured where they will run."""

import os

import pytest
from helpers import overrides

from unetlite.compare.planning import training_times
from unetlite.scheduling.resources import Resources
from unetlite.settings.composition import compose_run
from unetlite.training.fit import open_data


def test_a_cluster_is_timed_in_a_job_of_its_own(discs, tmp_path, monkeypatch):
    pytest.importorskip("submitit", reason="submitit is not installed")
    words = overrides(discs, tmp_path, "trainer.max_steps=2")
    variants = {name: compose_run([*words, f"upsample={name}"]) for name in ("nearest", "zeros")}
    data = open_data(variants["nearest"])
    monkeypatch.setattr(
        training_times, "measure_here", lambda *_: pytest.fail("it is not measured here")
    )
    resources = Resources("slurm", parallel=6, slurm="cluster=local,cpus_per_task=1")
    measured = training_times.measure_times(variants, data, resources)
    assert set(measured.steps) == set(variants)
    assert all(step.per_pixel > 0 for step in measured.steps.values())
    assert measured.parallel == measured.threads == 6
    assert measured.test_pixels == sum(h * w for h, w in data.dataset.splits["test"].sizes)
    assert os.environ.get("SLURM_JOB_ID") is None
