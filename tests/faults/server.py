"""Runs `python train.py WORDS` many times, each in a fork of one process.

That process has imported everything already, so a run starts in milliseconds, and can be killed, be
given little memory, or hang, without harm to the others.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEED = int(os.environ.get("UNETLITE_SEED", "0"))
MEMORY = 8 * 2**30  # bytes of data that a run may have


class Server:
    """The process that forks. Answers have exit code (negative for a signal), output, seconds."""

    def __init__(self):
        command = [sys.executable, __file__]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "HYDRA_FULL_ERROR": "1"}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
            cwd=tempfile.gettempdir(),
        )  # fmt: skip

    def run(self, words, *, action="train", signals=(), limit=60, **options):
        """`signals` are pairs of seconds and a signal. After `limit` seconds the run is killed."""
        order = {
            "words": list(map(str, words)),
            "action": action,
            "signals": signals,
            "limit": limit,
            **options,
        }
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def two_classes(place, count):
    """Images of noise that is brighter in one class, and their masks."""
    import numpy as np
    from helpers import save

    noise = np.random.default_rng(0)
    for k in range(count):
        mask = noise.random((40, 48)) < 0.4
        save(
            place / "images" / f"{k}.png",
            (100 * mask + noise.integers(0, 50, mask.shape)).astype(np.uint8),
        )
        save(place / "masks" / f"{k}.png", mask.astype(np.uint8))
    return place


def train(words, **_):
    from unetlite.exit_codes import cli_errors
    from unetlite.settings.composition import compose_run
    from unetlite.training.run import train

    with cli_errors():
        train(compose_run(words))


def command(words, **_):
    from unetlite.cli import app

    app(words, prog_name="unetlite")


def mutants(words, seed, count, **_):
    """Opens `count` damaged copies of every file: read, or refused by name in one line."""
    import random

    import numpy as np

    from unetlite import UsageError, load
    from unetlite.data.raster import read_image, read_mask

    np.seterr(all="ignore")
    chance, refused = random.Random(seed), 0
    for file in map(Path, words):
        whole = file.read_bytes()
        for number in range(count):
            changed = bytearray(whole)
            for _ in range(chance.choice((1, 2, 5, 40))):
                place = chance.randrange(
                    len(changed) if chance.random() < 0.5 else min(400, len(changed))
                )
                changed[place] = chance.choice((0, 255, 128, chance.randrange(256)))
            if chance.random() < 0.2:
                del changed[chance.randrange(1, len(changed)) :]
            copy = file.with_name(f"mutant{file.suffix}")
            copy.write_bytes(changed)
            for read in (
                (load,)
                if file.suffix in (".ckpt", ".onnx")
                else (lambda f: read_image(f, 3), read_mask)
            ):
                try:
                    read(copy)
                except UsageError as error:  # noqa: PERF203
                    refused += 1
                    if copy.name not in str(error) or "\n" in str(error):
                        raise AssertionError(f"seed {seed}, number {number} of {file}") from error
    print(f"refused {refused} of {count * len(words)} files, seed {seed}")


def fork(order, file):
    pid = os.fork()
    if pid:
        return pid
    code = 1  # of whatever is not caught here
    try:
        os.setpgid(0, 0)
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 1)
        os.dup2(1, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        limit = order.get("memory", MEMORY)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        if "file_size" in order:
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["file_size"], order["file_size"]))
        if "temporary" in order:
            tempfile.tempdir = os.environ["TMPDIR"] = order["temporary"]
        globals()[order["action"]](**order)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    finally:
        if sys.exc_info()[0] not in (None, SystemExit):
            sys.excepthook(*sys.exc_info())  # the traceback of a defect, which the tests look for
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve():
    import unetlite.cli
    import unetlite.compare.report.report
    import unetlite.training.fit
    import unetlite.training.results
    import unetlite.training.trainer  # noqa: F401  what takes seconds

    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        order = json.loads(line)
        with tempfile.TemporaryDirectory() as directory:
            file = Path(directory) / "output.txt"
            started = time.monotonic()
            pid = fork(order, file)
            waiting = sorted(order["signals"])
            while True:
                done, status, usage = os.wait4(pid, os.WNOHANG)
                elapsed = time.monotonic() - started
                if done:
                    break
                if waiting and elapsed >= waiting[0][0]:
                    os.kill(pid, waiting.pop(0)[1])
                if elapsed > order["limit"]:
                    os.killpg(pid, signal.SIGKILL)
                    order["limit"] = float("inf")
                time.sleep(0.005)
            code = os.waitstatus_to_exitcode(status)
            output = file.read_text(errors="replace") if file.exists() else ""
            answer = {
                "code": code,
                "output": output,
                "seconds": elapsed,
                "memory": usage.ru_maxrss * 1024,
            }
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    serve()
