"""Workers live on between trainings, are bound to a device, and end with their starter."""

import os
import re
import signal
import subprocess
import sys
import time
from threading import Thread

import pytest
from helpers import overrides

from unetlite.scheduling.devices import Device
from unetlite.scheduling.local import LocalScheduler
from unetlite.settings.composition import compose_run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

SCRIPT = """
import sys
from pathlib import Path
from unetlite.exit_codes import cli_errors
from unetlite.scheduling.devices import Device
from unetlite.scheduling.local import LocalScheduler
from unetlite.settings.composition import compose_run

if __name__ == "__main__":
    log, *words = sys.argv[1:]
    with cli_errors(), LocalScheduler([Device("cpu")], 1, Path(log)) as scheduler:
        for outcome in scheduler.run([compose_run([*words, f"seed={k}"]) for k in range(2)]):
            print("finished", outcome.settings.seed, flush=True)
"""


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def workers_of(log):
    """The workers that hold a log open."""
    found = []
    for process in os.listdir("/proc"):
        if process.isdigit():
            try:
                if os.path.samefile(f"/proc/{process}/fd/1", log):
                    found.append(int(process))
            except OSError:
                pass
    return found


@pytest.fixture
def endless(discs, tmp_path):
    return overrides(discs, tmp_path, "trainer.max_epochs=100000", "data.crops_per_image=9")


def test_one_worker_takes_one_training_after_another_and_a_killed_one_is_replaced(
    discs, tmp_path, capsys
):
    words = overrides(discs, tmp_path, "trainer.max_steps=1", "resume=auto")
    long = overrides(discs, tmp_path, "trainer.max_steps=200", "trainer.max_epochs=200", "seed=2")
    log = tmp_path / "workers.log"
    run = tmp_path / "outputs" / "test" / "transpose" / "seed2"

    def kill_later(worker):
        wait_for(lambda: (run / "last.ckpt").exists())
        os.kill(worker, signal.SIGKILL)

    with LocalScheduler([Device("cpu")], 1, log) as scheduler:
        jobs = [compose_run([*words, f"seed={seed}"]) for seed in (0, 1)]
        outcomes = list(scheduler.run(jobs))
        worker = scheduler.workers[0].process.pid
        assert log.read_text().count("images/s") == 2
        Thread(target=kill_later, args=(worker,)).start()
        outcomes += scheduler.run([compose_run([*long, "resume=auto"])])
        assert scheduler.workers[0].process.pid != worker
    assert [(outcome.settings.seed, outcome.failure) for outcome in outcomes] == [
        (0, None), (1, None), (2, None),
    ]  # fmt: skip
    assert "seed=2: its process was killed by SIGKILL; it goes on" in capsys.readouterr().out
    assert (run / "train.log").read_text().count("parameters in") == 2  # it went on, once


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="finds processes by /proc")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_workers_end_with_the_process_that_started_them(endless, tmp_path, number):
    """Before they do, what runs is saved, unless the process was killed."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    log = tmp_path / "workers.log"
    running = subprocess.Popen(
        [sys.executable, str(script), str(log), *endless],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    wait_for(lambda: log.exists() and "epoch   1" in log.read_text())
    running.send_signal(number)
    output, _ = running.communicate(timeout=60)
    wait_for(lambda: not workers_of(log), 20)
    if number == signal.SIGKILL:
        return
    assert running.returncode == 128 + number
    assert "finished" not in output
    assert re.search(r"stopped by SIGTERM at step \d+", log.read_text())
    assert (tmp_path / "outputs" / "test" / "transpose" / "seed0" / "last.ckpt").exists()
