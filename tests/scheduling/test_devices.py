"""Every training has a device of its own, and no more cores are used than may be."""

import json
import os

import pytest

from unetlite.errors import UsageError
from unetlite.scheduling import base, devices, local
from unetlite.scheduling.devices import Device, choose_devices, make_slots
from unetlite.scheduling.local import LocalScheduler
from unetlite.scheduling.resources import Resources, Share, make_scheduler
from unetlite.scheduling.slurm import parse_options


@pytest.fixture
def four_gpus(monkeypatch):
    """A machine with four GPUs, as far as PyTorch tells."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)


def names(chosen):
    return [device.name for device in chosen]


def test_all_devices_of_one_kind_are_taken_or_those_that_are_named(four_gpus, monkeypatch):
    assert names(choose_devices(None, "auto")) == ["0", "1", "2", "3"]
    assert names(choose_devices("2,0", "gpu")) == ["2", "0"]
    assert choose_devices("cpu", "cpu") == [Device("cpu")]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7,GPU-1a,3")
    assert names(choose_devices("1,2", "auto")) == ["7", "GPU-1a"]
    assert choose_devices("1", "auto")[0].environment() == {"CUDA_VISIBLE_DEVICES": "7"}


@pytest.mark.parametrize("text", ["4", "0,0", "0,", "cpu", "mps", "0,cpu", "", "cuda:0", "-1"])
def test_a_device_that_is_not_there_is_refused(four_gpus, text):
    with pytest.raises(UsageError, match=r"--devices .*0, 1, 2, 3"):
        choose_devices(text, "auto")


def test_workers_share_a_device_only_if_there_are_more_of_them(four_gpus):
    chosen = choose_devices(None, "auto")
    assert names(make_slots(chosen, 4)) == ["0", "1", "2", "3"]
    assert names(make_slots(chosen, 6)) == ["0", "1", "2", "3", "0", "1"]


def test_workers_and_threads_are_no_more_than_the_cores(monkeypatch, tmp_path):
    for module in (devices, "unetlite.scheduling.resources"):
        target = module if isinstance(module, str) else module.__name__
        monkeypatch.setattr(f"{target}.available_cores", lambda: 6)
    for parallel, planned in ((None, Share(8, 8)), (None, Share(2, 8)), (3, Share(1, 8))):
        scheduler = make_scheduler(
            Resources(parallel=parallel), "cpu", planned, tmp_path / "race.log", []
        )
        assert scheduler.slots * scheduler.threads <= 6
    with pytest.raises(UsageError, match=r"--parallel 7: 6 core\(s\)"):
        make_slots([Device("cpu")], 7)


def record_environment(settings, shared=()):
    """In place of a training: notes the process, its device and its threads."""
    keys = ("CUDA_VISIBLE_DEVICES", "OMP_NUM_THREADS")
    note = {"pid": os.getpid(), **{key: os.environ[key] for key in keys}}
    with open(settings.run_dir, "w") as file:
        json.dump(note, file)


def serve_recorder(*arguments):
    """A worker, which trains nothing."""
    local.run_training = record_environment
    local.serve(*arguments)


def test_each_worker_is_bound_to_its_device_before_anything_is_loaded(tmp_path, monkeypatch):
    genuine = local.multiprocessing.get_context("spawn")
    monkeypatch.setattr(base, "is_in_use", lambda path: False)
    jobs = [Job(k, str(tmp_path / f"{k}")) for k in range(8)]

    class Context:
        """Starts workers that train nothing."""

        Pipe = staticmethod(genuine.Pipe)

        @staticmethod
        def Process(target, args):
            return genuine.Process(target=serve_recorder, args=args)

    monkeypatch.setattr(local.multiprocessing, "get_context", lambda _: Context)
    slots = [Device("cuda", "3"), Device("cuda", "GPU-1a")]
    with LocalScheduler(slots, 2, tmp_path / "race.log") as scheduler:
        assert len(list(scheduler.run(jobs))) == 8
    notes = [json.loads((tmp_path / f"{k}").read_text()) for k in range(8)]
    by_device = {}
    for note in notes:
        by_device.setdefault(note["CUDA_VISIBLE_DEVICES"], set()).add(note["pid"])
        assert note["OMP_NUM_THREADS"] == "2"
    assert by_device.keys() == {"3", "GPU-1a"}
    assert all(len(workers) == 1 for workers in by_device.values())  # they lived on


class Job:
    """As much of the settings of a training as a scheduler reads."""

    def __init__(self, seed, run_dir):
        self.seed = seed
        self.run_dir = run_dir
        self.upsample = {"name": "x"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on": "moon"}, "expected local, ray or slurm"),
        ({"on": "ray", "devices": "0"}, "leave --devices out"),
        ({"slurm": "partition=gpu"}, "needs --on slurm"),
        ({"on": "slurm", "slurm": "gpu"}, "'gpu' is not understood"),
        ({"on": "slurm", "slurm": "partition=a,partition=b"}, "different options"),
    ],
)
def test_a_place_that_is_not_understood_is_refused(options, message):
    with pytest.raises(UsageError, match=message):
        Resources(**options)


def test_options_of_slurm_have_the_names_that_submitit_gives_them():
    options = parse_options("partition=gpu,timeout_min=120,cluster=local")
    assert options == {"slurm_partition": "gpu", "timeout_min": 120, "cluster": "local"}
