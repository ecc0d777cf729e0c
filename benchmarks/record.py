"""A line of ratios, which say more than seconds: python benchmarks/record.py [FILE | --show FILE]

Appends to FILE, outputs/performance.jsonl by default, what this version's speed is in proportion to plain PyTorch's on
the same machine in the same minute; about a minute on two cores. Nothing asserts it. The continuous integration writes
to the default, which git ignores; docs/performance.jsonl is written by hand, on a machine that does nothing else.
"""

import json
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from lightning.pytorch import Trainer

from unetlite.data.batches import SegmentationData
from unetlite.hardware import environment, fast_precision, keep_memory
from unetlite.network.folding import fold
from unetlite.network.unet import UNet, initialise
from unetlite.settings import CHECKOUT, HOME, compose_run, network_config, read_settings
from unetlite.timing import in_turn
from unetlite.training.callbacks import RippleProbe
from unetlite.training.segmenter import Segmenter
from unetlite.training.trainer import quieten_lightning

STEPS, BATCH = 13, 8  # of a run; the first five steps are not counted
ROUNDS = 3
MEANINGS = {
    "step_over_plain": "a run's step over one in plain eager float32",
    "loop_over_step": "a run's step over its bare step",
    "test_over_prediction": "the test phase over plain prediction of its images",
    "folded_over_trained": "a prediction folded over as trained, eager float32",
    "openvino_over_trained": "in OpenVINO, float32, over as trained in eager float32",
}


def training() -> dict[str, float]:
    """From a short run, by benchmarks/training.py."""
    from training import WARM_UP, Compare  # the file beside this one

    import unetlite.train
    import unetlite.training.trainer

    compare, make_trainer = Compare(), unetlite.training.trainer.make_trainer

    def make_and_compare(*arguments: Any) -> Trainer:
        trainer = make_trainer(*arguments)
        trainer.callbacks.insert(0, compare)  # type: ignore[attr-defined]
        return trainer

    unetlite.training.trainer.make_trainer = make_and_compare
    with tempfile.TemporaryDirectory() as outputs:
        words = [f"trainer.max_steps={STEPS}", f"data.batch_size={BATCH}", "trainer.accelerator=cpu"]
        unetlite.train.train(compose_run([*words, f"output_dir={outputs}"]))
    times = {name: median(seconds[WARM_UP:]) for name, seconds in compare.times.items()}
    return {"step_over_plain": times["run"] / times["plain"], "loop_over_step": times["run"] / times["bare"]}


def prediction() -> dict[str, float]:
    """The test phase, and one image of 256 x 256."""
    quieten_lightning()
    config = compose_run(["trainer.accelerator=cpu"])
    settings = read_settings(config)
    data = SegmentationData(settings.source, Path(settings.data_dir), settings.loader, seed=0)
    network = UNet(network_config(config, in_channels=data.store.channels, num_classes=len(data.store.classes)))
    initialise(network, seed=0)
    network.set_normalisation(data.store.mean, data.store.std)
    network.eval().to(memory_format=torch.channels_last)
    quiet: Any = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    accelerator = Trainer(accelerator="cpu", **quiet).accelerator
    precision: Any = fast_precision(accelerator)
    trainer = Trainer(accelerator="cpu", precision=precision, callbacks=[RippleProbe()], **quiet)
    segmenter = Segmenter(network, data.store, settings.trainer, config)

    def plain() -> None:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16-mixed"):
            for image, _ in data.test_dataloader():
                network(image).argmax(1)

    test = partial(trainer.test, segmenter, data, verbose=False)
    phases = in_turn({"test": test, "plain": plain}, ROUNDS)
    found = {"test_over_prediction": phases["test"] / phases["plain"]}

    image = torch.randint(0, 256, (1, data.store.channels, 256, 256), dtype=torch.uint8)
    folded = fold(network)
    runs: dict[str, Any] = {"trained": partial(network, image), "folded": partial(folded, image)}
    try:
        from unetlite.inference.export import onnx_model
        from unetlite.inference.runtimes import make_request

        request = make_request(onnx_model(folded).SerializeToString())
        runs["openvino"] = partial(request.infer, {"image": image.numpy()})
    except ImportError:  # the extra `export` is not installed
        pass
    with torch.inference_mode():
        times = in_turn(runs, 5 * ROUNDS)
    return found | {f"{name}_over_trained": ms / times["trained"] for name, ms in times.items() if name != "trained"}


def version() -> str:
    """The commit that was measured, marked where files differ from it."""
    command = ["git", "describe", "--always", "--dirty"]
    try:
        return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def table(file: Path) -> str:
    """The lines of a record as Markdown, the newest last."""
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    head = ["date", "version", *MEANINGS.values()]
    rows = [head, ["---"] * len(head)]
    for line in lines:
        ratios = (f"{line['ratios'][key]:.2f}" if key in line["ratios"] else "" for key in MEANINGS)
        rows.append([line["date"][:10], line["version"], *ratios])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(words: list[str]) -> None:
    if words[:1] == ["--show"]:
        print(table(Path(words[1])))
        return
    file = Path(words[0]) if words else HOME / "outputs" / "performance.jsonl"
    started = time.monotonic()
    keep_memory()
    ratios = training() | prediction()
    where = {key: environment()[key] for key in ("processor", "threads", "torch", "python")}
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    line = {"date": now, "version": version(), **where, "ratios": {key: round(v, 3) for key, v in ratios.items()}}
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as record:
        record.write(json.dumps(line) + "\n")
    for key, value in ratios.items():
        print(f"{value:5.2f}  {MEANINGS[key]}")
    print(f"appended to {file} after {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
