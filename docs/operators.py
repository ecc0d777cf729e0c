"""Writes docs/operators.md and its pictures, on a machine that does nothing else.

python docs/operators.py
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from gallery import ENTRIES, REFERENCES
from matplotlib.figure import Figure
from pictures import IMAGES, pass_through, show_map, small_map

from unetlite.compare.costs.costs import openers
from unetlite.device import processor
from unetlite.network.complexity import count_macs, count_parameters
from unetlite.network.folding import fold
from unetlite.network.impulse_response import last_response
from unetlite.network.initialization import initialise
from unetlite.network.receptive_field import receptive_field
from unetlite.network.unet import UNet
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.settings.schema import UNetConfig
from unetlite.timing import interleaved_median

PAGE = Path(__file__).with_suffix(".md")

HEAD = """# The operators

Written by `python docs/operators.py`. Every network is the mini U-Net with the operator's default
settings. The columns are:

- parameters in millions;
- MACs (multiply-accumulates) in millions, of an image of 128 x 128 pixels, folded for PyTorch;
  an ONNX file keeps `nearest` unfolded, with the MACs of `bilinear`;
- milliseconds for an image of 256 x 256, in the fastest of PyTorch, ONNX Runtime and OpenVINO,
  with {threads};
- the receptive field of a logit in pixels per axis;
- the ripple before training: how much a constant map differs between even and odd places, 0 for
  not at all.

| `upsample=` | parameters | MACs | ms | receptive field | ripple |
|---|---|---|---|---|---|
{rows}

[Results](results/README.md) has their scores on data. In the pictures the convolutions of an
operator are identities, so only the operator acts. Weights that are learnt freely are random.

"""


def page(rows: Sequence[str], threads: str) -> str:
    """The whole page."""
    sections = []
    for name, entry in ENTRIES.items():
        caption = f"{name}: a small map, one pixel and a constant"
        sections.append(
            f"## {name}\n\n{entry.idea} *{entry.source}*\n\n    {entry.formula}\n\n"
            f"![{caption}](images/operators/{name}.png)\n\n**When.** {entry.when}\n"
        )
    sections.append(REFERENCES)
    return HEAD.format(threads=threads, rows="\n".join(rows)) + "\n".join(sections)


def picture(name: str, network: UNet) -> Figure:
    """The operator of a fresh network: on a small map, on one pixel, and on a constant."""
    response = last_response(network)
    _, channel = response.strongest
    small, skip = small_map()
    up = UPSAMPLERS[name](4, 4, 4)
    initialise(up, seed=2)
    with torch.no_grad():
        pass_through(up)
        upsampled = up.eval()(small, skip)[0, 0]
    figure = Figure(figsize=(9.2, 2.6), layout="constrained", dpi=110)
    axes = figure.subplots(1, 4)
    show_map(axes[0], small[0, 0], "a map, 6 x 6")
    show_map(axes[1], upsampled, "what it becomes")
    show_map(axes[2], response.single[channel, 10:24, 10:24], "one pixel becomes")
    constant = response.constant[channel, 12:20, 12:20]
    show_map(axes[3], constant, f"a constant, ripple {response.ripple:.3f}")
    return figure


def row(name: str, network: UNet, milliseconds: float) -> str:
    """The line of an operator in the table."""
    millions = count_parameters(network) / 1e6
    macs = count_macs(fold(network), 128, 128) / 1e6
    ripple = last_response(network).ripple
    return (
        f"| [`{name}`](#{name}) | {millions:.2f} | {macs:.0f} | {milliseconds:.0f} "
        f"| {receptive_field(network)} | {ripple:.2f} |"
    )


def measure(networks: Mapping[str, UNet]) -> dict[str, float]:
    """Milliseconds of each network in the runtime that is fastest for it."""
    image = torch.randint(0, 256, (1, 3, 256, 256), dtype=torch.uint8)
    functions = {}
    for name, network in networks.items():
        for runtime, load in openers(network, image).items():
            functions[name, runtime] = load()
    with torch.inference_mode():
        times = interleaved_median(functions, rounds=9)
    fastest: dict[str, float] = {}
    for (name, _), milliseconds in times.items():
        fastest[name] = min(milliseconds, fastest.get(name, milliseconds))
    return fastest


def main() -> None:
    missing = UPSAMPLERS.keys() - ENTRIES.keys()
    if missing:
        sys.exit(f"ENTRIES in docs/gallery.py has no {', '.join(sorted(missing))}")
    networks = {}
    for name in ENTRIES:
        networks[name] = UNet(UNetConfig(upsample={"name": name})).eval()
        initialise(networks[name], seed=0)
    fastest = measure(networks)
    rows = [row(name, network, fastest[name]) for name, network in networks.items()]
    threads = f"{torch.get_num_threads()} threads of {processor()}"
    PAGE.write_text(page(rows, threads), encoding="utf-8")
    (IMAGES / "operators").mkdir(exist_ok=True)
    for name, network in networks.items():
        file = IMAGES / "operators" / f"{name}.png"
        picture(name, network).savefig(file, bbox_inches="tight", pad_inches=0.05)


if __name__ == "__main__":
    main()
