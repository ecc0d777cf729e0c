"""Measures what each network of a kit costs on this device, and writes costs.json.

    python measure.py

It needs Python 3.8 or newer, NumPy, and the runtime that the kit is for. `unetlite kit` copies this
file into every kit. `unetlite compare RUNS --costs costs.json` then decides by these costs.
"""

from __future__ import annotations

import argparse
import glob
import hashlib
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any, NoReturn

KIT_FORMAT = "unetlite kit"
COSTS_FORMAT = "unetlite costs"
VERSION = 1  # of both

WARM_UP, FEWEST, MOST = 3, 3, 100  # predictions, in each round
SECONDS = 1.0  # of predictions in a round, if they are more than FEWEST
NOISY = 0.1  # of the median: a wider range from 25 % to 75 % of the predictions is noise

KIT_KEYS = {"runtime", "size", "tolerance", "arrays", "variants", "sha256"}
VARIANT_KEYS = {"file", "expected", "may_differ", "network"}

DAMAGED = "Copy the kit again, or write a new one: unetlite kit."

Kit = dict  # the content of kit.json


def main() -> None:
    """Measures all variants in turns, and writes the costs."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        options = parse_options()
        kit = read_kit(Path(__file__).parent)
        version = check_packages(kit["runtime"])
        if options.variant is not None:
            result = measure_variant(kit, options.variant, options.threads)
            print("\n" + json.dumps(result))
            return
        check_writable(options.to)
        warnings = load_warnings()
        for warning in warnings:
            print(warning, file=sys.stderr, flush=True)
        results, excluded = measure_rounds(kit, options.rounds, options.threads)
        costs = make_costs(kit, version, options, results, excluded)
        write_costs(costs, options.to)
        print_costs(costs, options.to)
        for warning in warnings + noise_warnings(results, excluded):
            print(warning)
    except KeyboardInterrupt:
        end("stopped; nothing was written", 130)


def end(message: str, code: int = 2) -> NoReturn:
    """Ends the program with one line."""
    print(message, file=sys.stderr)
    sys.exit(code)


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the program."""
        end(f"error: {message}; see python measure.py --help")


def parse_options() -> argparse.Namespace:
    """The options of the command line."""
    parser = Parser(description="Measures the networks of this kit, and writes costs.json.")
    parser.add_argument("--to", type=Path, default=Path("costs.json"), help="what to write")
    parser.add_argument("--name", default=device_name(), help="of this device, for the report")
    parser.add_argument("--rounds", type=int, default=5, help="of all networks in turn")
    parser.add_argument("--threads", type=int, default=num_cores(), help="one a core by default")
    parser.add_argument("--variant", help=argparse.SUPPRESS)  # of a process that measures one
    options = parser.parse_args()
    for option in ("rounds", "threads"):
        value = getattr(options, option)
        if value < 1:
            end(f"error: --{option} {value}: expected 1 or more.")
    if not options.name.isprintable() or not 0 < len(options.name.strip()) <= 100:
        end("error: --name: expected 1 to 100 printable characters.")
    return options


def device_name() -> str:
    """The device, else the processor, where the system tells it; else the architecture."""
    model = Path("/proc/device-tree/model")  # of single boards, as Raspberry Pi and Jetson
    if model.exists():
        return model.read_text(errors="replace").strip("\0 \n")
    processors = Path("/proc/cpuinfo")
    if processors.exists():
        for line in processors.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def num_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def read_kit(directory: Path) -> Kit:
    """The content of kit.json. Ends the program if it is damaged, or a file of it is."""
    file = directory / "kit.json"
    try:
        kit = json.loads(file.read_text(encoding="utf-8"))
        if (kit["format"], kit["version"]) != (KIT_FORMAT, VERSION):
            end(f"error: {file} is not of this version of measure.py. {DAMAGED}")
        check_keys(kit)
        for name, digest in kit["sha256"].items():
            if hashlib.sha256((directory / name).read_bytes()).hexdigest() != digest:
                end(f"error: {directory / name} is damaged. {DAMAGED}")
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        end(f"error: {file} or a file that it names is missing or damaged ({error}). {DAMAGED}")
    return kit


def check_keys(kit: Kit) -> None:
    """Raises LookupError or AttributeError if the content of kit.json lacks what is read later."""
    missing = KIT_KEYS - kit.keys()
    if not missing:
        for variant in kit["variants"].values():
            missing |= VARIANT_KEYS - variant.keys()
    if missing or kit["runtime"] not in OPENERS:
        raise LookupError(f"no {', '.join(sorted(missing)) or 'known runtime'}")


def check_packages(runtime: str) -> str:
    """The version of the runtime. Ends the program if it or NumPy is not installed."""
    try:
        import numpy  # noqa: F401

        package = __import__(runtime)
    except ImportError as error:
        command = f"{sys.executable} -m pip install numpy {runtime}"
        end(f"error: {error}. This kit needs: {command}")
    return str(package.__version__).partition("-")[0]  # without the build, as OpenVINO has it


def check_writable(file: Path) -> None:
    """Ends the program if the file could not be written at the end."""
    folder = file.resolve().parent
    if file.is_dir() or not os.access(str(folder), os.W_OK):
        end(f"error: {file} cannot be written; choose another file: --to FILE")


def load_warnings() -> list[str]:
    """That other programs keep the cores busy, in a sentence or none."""
    if not hasattr(os, "getloadavg"):  # Windows
        return []
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load <= cores:
        return []
    return [
        f"warning: before it was measured the device was busy: load {load:.1f} on {cores} cores. "
        "Stop other programs, and measure again."
    ]


def noise_warnings(results: dict[str, list[Any]], excluded: dict[str, str]) -> list[str]:
    """Which variants took differently long from prediction to prediction, in a sentence or none."""
    noisy = []
    for name, rounds in results.items():
        if name in excluded:
            continue
        times = sorted(time for result in rounds for time in result["milliseconds"])
        low, high = times[len(times) // 4], times[3 * len(times) // 4]
        if high - low > NOISY * median(times):
            noisy.append(f"{name} from {low:.4g} to {high:.4g} ms")
    if not noisy:
        return []
    return [
        f"warning: noisy (the middle half of the predictions): {', '.join(noisy)}. Smaller "
        "differences mean nothing. Stop other programs, and measure again with --rounds 20."
    ]


def measure_rounds(kit: Kit, rounds: int, threads: int) -> tuple[dict[str, list[Any]], dict]:
    """The results of each variant by round, and the reason of each that is excluded.

    In each round every variant is measured once, in a process of its own: the load of the machine
    falls on all alike, and a peak of memory is the variant's own.
    """
    results: dict[str, list[Any]] = {name: [] for name in kit["variants"]}
    excluded: dict[str, str] = {}
    for number in range(rounds):
        for name in kit["variants"]:
            if name in excluded:
                continue
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr, flush=True)
            result = run_process(name, threads)
            if "excluded" not in result:
                results[name].append(result)
                continue
            excluded[name] = printable(result["excluded"])
            print(f"{name} is excluded: {excluded[name]}", flush=True)
    if len(excluded) == len(results):
        end("error: no network of the kit could be measured; nothing was written.", 1)
    return results, excluded


def printable(text: str) -> str:
    """The text in one line, at most 400 characters."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:400]


def run_process(name: str, threads: int) -> dict[str, Any]:
    """What `measure_variant` gives in a process of its own."""
    command = [sys.executable, __file__, "--variant", name, "--threads", str(threads)]
    process = subprocess.run(command, capture_output=True)
    lines = process.stdout.decode(errors="replace").splitlines()
    if process.returncode == 0 and lines:
        return json.loads(lines[-1])
    if process.returncode == -9:
        return {"excluded": "it was killed, as systems do when memory runs out"}
    messages = process.stderr.decode(errors="replace").strip().splitlines()
    reason = f": {messages[-1][:200]}" if messages else ""
    return {"excluded": f"it ended with code {process.returncode}{reason}"}


def measure_variant(kit: Kit, name: str, threads: int) -> dict[str, Any]:
    """Milliseconds of each prediction, peak of memory and energy; or why it is excluded."""
    import numpy as np

    directory = Path(__file__).parent
    variant = kit["variants"][name]
    with np.load(str(directory / kit["arrays"]), allow_pickle=False) as arrays:
        image = arrays["image"]
        expected = arrays[variant["expected"]]
    try:
        predict = OPENERS[kit["runtime"]](str(directory / variant["file"]), threads)
        output = predict(image)
    except Exception as error:  # whatever a runtime raises
        return {"excluded": f"{kit['runtime']} cannot run it ({first_line(error)})"}
    reason = compare_outputs(output, expected, kit["tolerance"], variant["may_differ"])
    if reason is not None:
        return {"excluded": reason}

    for _ in range(WARM_UP):
        predict(image)
    milliseconds: list[float] = []
    energy_before = read_energy()
    start = time.perf_counter()
    while len(milliseconds) < FEWEST or (
        len(milliseconds) < MOST and time.perf_counter() - start < SECONDS
    ):
        before = time.perf_counter()
        predict(image)
        milliseconds.append(1000 * (time.perf_counter() - before))
    energy = energy_difference(energy_before, read_energy())
    if energy is not None:
        energy /= len(milliseconds)
    return {
        "milliseconds": milliseconds,
        "peak_memory_mb": peak_memory(),
        "energy_mj": energy,
    }


def first_line(error: BaseException) -> str:
    """The first line of an error's message, at most 200 characters."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__


def compare_outputs(output: Any, expected: Any, tolerance: float, may_differ: float) -> str | None:
    """Why a result is wrong; None if it is right.

    Differences are relative to the largest expected value, if that is above 1. A share of
    `may_differ` of the values may be farther than the tolerance.
    """
    import numpy as np

    if output.shape != expected.shape:
        return f"its result has the shape {output.shape} in place of {expected.shape}"
    if not np.isfinite(output).all():
        return "its result is not finite"
    difference = np.abs(output - expected) / max(1.0, float(np.abs(expected).max()))
    if (difference > tolerance).mean() <= may_differ:
        return None
    return f"its result differs from the stored one by {difference.max():.1e}, over {tolerance:.0e}"


def open_onnxruntime(file: str, threads: int) -> Callable[[Any], Any]:
    """A function that predicts with ONNX Runtime."""
    session = make_session(file, threads)
    return lambda image: session.run(None, {"image": image})[0]


def make_session(model: Any, threads: int) -> Any:
    """An onnxruntime.InferenceSession of a file or its content, on the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # fatal errors only; others are raised
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def open_openvino(file: str, threads: int) -> Callable[[Any], Any]:
    """A function that predicts with OpenVINO, in float32."""
    request = make_request(file, threads)
    return lambda image: request.infer({"image": image})[0]


def make_request(model: Any, threads: int, precision: str = "f32") -> Any:
    """An openvino.InferRequest of a file or a model, on the CPU.

    `precision` is for all that is not quantised. OpenVINO's own is bfloat16 wherever that is fast.
    """
    import openvino

    settings = {
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
    }
    return openvino.Core().compile_model(model, "CPU", settings).create_infer_request()


OPENERS = {"onnxruntime": open_onnxruntime, "openvino": open_openvino}
"""By runtime, which is called as its package."""


def peak_memory() -> float | None:
    """Megabytes that this process had at most, with Python and the runtime; None if unknown."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


def read_energy() -> dict[str, int]:
    """The counters of each processor package in microjoules, where Linux lets them be read."""
    counters = {}
    for folder in glob.glob("/sys/class/powercap/intel-rapl:*"):
        if folder.count(":") > 1:  # a part of a package
            continue
        try:
            counters[folder] = int(Path(folder, "energy_uj").read_text())
        except (OSError, ValueError):
            continue
    return counters


def energy_difference(before: dict[str, int], after: dict[str, int]) -> float | None:
    """Millijoules between two readings; None if there are none."""
    if not before or before.keys() != after.keys():
        return None
    total = 0
    for folder, count in after.items():
        difference = count - before[folder]
        if difference < 0:  # the counter began anew
            difference += int(Path(folder, "max_energy_range_uj").read_text())
        total += difference
    return total / 1000


def make_costs(
    kit: Kit,
    version: str,
    options: argparse.Namespace,
    results: dict[str, list[Any]],
    excluded: dict[str, str],
) -> dict[str, Any]:
    """The content of costs.json."""
    variants = {}
    for name, rounds in results.items():
        if name not in excluded:
            variants[name] = {**summarise(rounds), "network": kit["variants"][name]["network"]}
    reasons = {}
    for name, reason in excluded.items():
        reasons[name] = {"reason": reason, "network": kit["variants"][name]["network"]}
    return {
        "format": COSTS_FORMAT,
        "version": VERSION,
        "device": options.name.strip(),
        "system": f"{platform.system()} {platform.machine()}",
        "runtime": kit["runtime"],
        "runtime_version": version,
        "threads": options.threads,
        "size": kit["size"],
        "variants": variants,
        "excluded": reasons,
    }


def summarise(rounds: list[Any]) -> dict[str, Any]:
    """The median of all predictions, the lowest and highest median of a round, and the peaks."""
    milliseconds: list[float] = []
    medians = []
    for result in rounds:
        milliseconds += result["milliseconds"]
        medians.append(median(result["milliseconds"]))
    summary: dict[str, Any] = {
        "milliseconds": median(milliseconds),
        "lowest": min(medians),
        "highest": max(medians),
    }
    for key in ("peak_memory_mb", "energy_mj"):
        values = [result[key] for result in rounds]
        summary[key] = None if None in values else median(values)
    return summary


def write_costs(costs: dict[str, Any], file: Path) -> None:
    """Writes costs.json whole or not at all."""
    partial = file.with_name(f".{file.name}.{os.getpid()}.partial")
    try:
        partial.write_text(json.dumps(costs, indent=1) + "\n", encoding="utf-8")
        os.replace(str(partial), str(file))
    except OSError as error:
        end(f"error: {file}: {error.strerror}; choose another file: --to FILE")
    finally:
        if partial.exists():
            partial.unlink()


def print_costs(costs: dict[str, Any], file: Path) -> None:
    """Prints a line a variant, and what was written."""
    height, width = costs["size"]
    threads = costs["threads"]
    plural = "" if threads == 1 else "s"
    runtime = f"{costs['runtime']} {costs['runtime_version']}"
    print(f"{costs['device']}, {runtime}, {threads} thread{plural}, {height} x {width} pixels")
    print(f"{'':20} {'ms':>8} {'of rounds':>17} {'peak, MB':>9} {'energy, mJ':>11}")
    for name, cost in costs["variants"].items():
        spread = f"{cost['lowest']:.4g} to {cost['highest']:.4g}"
        memory = format_known(cost["peak_memory_mb"])
        energy = format_known(cost["energy_mj"])
        milliseconds = f"{cost['milliseconds']:.4g}"
        print(f"{name:20} {milliseconds:>8} {spread:>17} {memory:>9} {energy:>11}")
    print(f"costs     {file}")
    print(f"use them  unetlite compare RUNS --costs {file}")


def format_known(value: float | None) -> str:
    """A whole number, or a dash for what the system does not tell."""
    return "-" if value is None else f"{value:.0f}"


if __name__ == "__main__":
    main()
