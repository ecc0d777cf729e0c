"""Workers live on between trainings, and end with the process that started them."""

import os
import re
import signal
import subprocess
import sys
import time
from threading import Thread

import pytest
from helpers import overrides

from unetlite.errors import RunFailed
from unetlite.scheduler import LocalScheduler
from unetlite.settings.composition import compose_run

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")

SCRIPT = """
import sys
from pathlib import Path
from unetlite.exit_codes import cli_errors
from unetlite.scheduler import LocalScheduler
from unetlite.settings.composition import compose_run

if __name__ == "__main__":
    log, *words = sys.argv[1:]
    with cli_errors(), LocalScheduler(1, 1, Path(log)) as scheduler:
        for settings in scheduler.run([compose_run([*words, f"seed={k}"]) for k in range(2)]):
            print("finished", settings.seed, flush=True)
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


def test_one_worker_takes_one_training_after_another_and_is_told_as_killed(
    discs, endless, tmp_path
):
    words = overrides(discs, tmp_path, "trainer.max_steps=1")
    jobs = [compose_run([*words, f"seed={seed}"]) for seed in (0, 1)]
    log = tmp_path / "workers.log"

    def kill_later(worker):
        wait_for(lambda: log.read_text().count("epoch   1") == 4)
        os.kill(worker, signal.SIGKILL)

    def train():
        with LocalScheduler(1, 1, log) as scheduler:
            finished = list(scheduler.run(jobs))
            (worker,) = scheduler.pool._processes
            finished += scheduler.run([compose_run([*words, "seed=2"])])
            assert list(scheduler.pool._processes) == [worker]  # it stayed alive
            assert [settings.seed for settings in finished] == [0, 1, 2]
            assert log.read_text().count("images/s") == 3
            Thread(target=kill_later, args=(worker,)).start()
            list(scheduler.run([compose_run([*endless, "seed=9"])]))

    with pytest.raises(RunFailed, match=r"killed: upsample=transpose seed=9 by SIGKILL .*goes on"):
        train()


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
