"""A line of ratios, which say more than seconds: python benchmarks/record.py [FILE | --show FILE]

Appends to FILE, outputs/performance.jsonl by default, what this version's speed is in proportion to
plain PyTorch's on the same machine in the same minute. It takes a minute on two cores. Nothing
asserts it. The continuous integration writes to the default, which git ignores.
docs/performance.jsonl is written by hand, on a machine that does nothing else.
"""

import json
import subprocess
import sys
import time
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer
from training import measure_steps  # the file beside this one

from unetlite.data.loader import SegmentationData
from unetlite.device import environment, fast_precision, keep_memory
from unetlite.network.folding import fold
from unetlite.network.initialization import initialise
from unetlite.network.unet import UNet
from unetlite.settings.composition import compose_run
from unetlite.settings.paths import CHECKOUT, HOME
from unetlite.settings.schema import Settings
from unetlite.timing import interleaved_median
from unetlite.training.callbacks import RippleProbe
from unetlite.training.segmenter import Segmenter
from unetlite.training.trainer import quieten_lightning

STEPS, BATCH = 13, 8  # of a run
ROUNDS = 3
MEANINGS = {
    "step_over_plain": "a run's step over one in plain eager float32",
    "loop_over_step": "a run's step over its bare step",
    "test_over_prediction": "the test phase over plain prediction of its images",
    "folded_over_trained": "a prediction folded over as trained, eager float32",
    "openvino_over_trained": "in OpenVINO, float32, over as trained in eager float32",
}


def training_ratios() -> dict[str, float]:
    """From a short run, by benchmarks/training.py."""
    times = measure_steps([f"trainer.max_steps={STEPS}", f"data.batch_size={BATCH}"])
    return {
        "step_over_plain": times["run"] / times["plain"],
        "loop_over_step": times["run"] / times["bare"],
    }


def make_network(settings: Settings, data: SegmentationData) -> UNet:
    """The network of a run before its first step, in evaluation mode."""
    dataset = data.dataset
    network = UNet(settings.unet_config(dataset.channels, len(dataset.classes)))
    initialise(network, seed=0)
    network.set_normalisation(dataset.mean, dataset.std)
    return network.eval().to(memory_format=torch.channels_last)


def test_ratio(settings: Settings, data: SegmentationData, network: UNet) -> float:
    """The test phase of a run over plain prediction of the same images."""
    quiet: Any = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    accelerator = Trainer(accelerator="cpu", **quiet).accelerator
    precision: Any = fast_precision(accelerator)
    trainer = Trainer(accelerator="cpu", precision=precision, callbacks=[RippleProbe()], **quiet)
    segmenter = Segmenter(network, data.dataset, settings)

    @torch.inference_mode()
    def predict() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            for image, _ in data.test_dataloader():
                network(image).argmax(1)

    test = partial(trainer.test, segmenter, data, verbose=False)
    times = interleaved_median({"test": test, "predict": predict}, ROUNDS)
    return times["test"] / times["predict"]


def prediction_ratios(network: UNet) -> dict[str, float]:
    """One image of 256 x 256: folded, and in OpenVINO where it is installed, over as trained."""
    image = torch.randint(0, 256, (1, network.config.in_channels, 256, 256), dtype=torch.uint8)
    folded = fold(network)
    runs: dict[str, Any] = {"trained": partial(network, image), "folded": partial(folded, image)}
    try:
        from unetlite.inference.export import onnx_model
        from unetlite.inference.runtimes.openvino import make_request

        request = make_request(onnx_model(folded).SerializeToString())
        runs["openvino"] = partial(request.infer, {"image": image.numpy()})
    except ImportError:  # the extra `export` is not installed
        pass
    with torch.inference_mode():
        times = interleaved_median(runs, 5 * ROUNDS)
    trained = times.pop("trained")
    return {f"{name}_over_trained": ms / trained for name, ms in times.items()}


def measure() -> dict[str, float]:
    """All ratios of MEANINGS."""
    keep_memory()
    quieten_lightning()
    settings = compose_run(["trainer.accelerator=cpu"])
    data = SegmentationData(settings.data, Path(settings.data_dir), seed=0)
    network = make_network(settings, data)
    ratios = training_ratios()
    ratios["test_over_prediction"] = test_ratio(settings, data, network)
    ratios.update(prediction_ratios(network))
    return ratios


def version() -> str:
    """The commit that was measured, marked where files differ from it."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        result = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return result.stdout.strip()


def table(file: Path) -> str:
    """The lines of a record as Markdown, the newest last."""
    head = ["date", "version", *MEANINGS.values()]
    rows = [head, ["---"] * len(head)]
    for text in file.read_text().splitlines():
        line = json.loads(text)
        row = [line["date"][:10], line["version"]]
        for key in MEANINGS:
            row.append(f"{line['ratios'][key]:.2f}" if key in line["ratios"] else "")
        rows.append(row)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def append_line(file: Path) -> None:
    """Measures, and adds a line to a record."""
    start = time.monotonic()
    ratios = measure()
    line: dict[str, Any] = {
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "version": version(),
    }
    machine = environment()
    for key in ("processor", "threads", "torch", "python"):
        line[key] = machine[key]
    line["ratios"] = {key: round(ratio, 3) for key, ratio in ratios.items()}
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as record:
        record.write(json.dumps(line) + "\n")
    for key, ratio in ratios.items():
        print(f"{ratio:5.2f}  {MEANINGS[key]}")
    print(f"appended to {file} after {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    words = sys.argv[1:]
    if words[:1] == ["--show"]:
        print(table(Path(words[1])))
    else:
        append_line(Path(words[0]) if words else HOME / "outputs" / "performance.jsonl")
