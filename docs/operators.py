"""Writes docs/operators.md and its pictures: python docs/operators.py, on a machine that does nothing else."""

import sys
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.figure import Figure
from pictures import IMAGES, pass_through, show_map, small_map

from unetlite.compare.costs import openers
from unetlite.hardware import processor
from unetlite.network.behaviour import last_behaviour
from unetlite.network.folding import fold
from unetlite.network.measures import multiplications, parameters, receptive_field
from unetlite.network.unet import UNet, initialise
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.settings import UNetConfig
from unetlite.timing import in_turn

PAGE = Path(__file__).with_suffix(".md")


HEAD = """# The operators

Written by `python docs/operators.py`. Every network is the mini U-Net with the operator's default settings. The
columns are parameters in millions; millions of multiplications for an image of 128 x 128 pixels, folded as an export
is; milliseconds for one of 256 x 256, in the fastest of PyTorch, ONNX Runtime and OpenVINO, with {threads}; how many
pixels of the image a logit sees; and the ripple: how much a constant map is made to differ between even and odd
places before training, 0 for not at all.

| `upsample=` | parameters | multiplications | ms | sees | ripple |
|---|---|---|---|---|---|
{rows}

What they are worth on data is in [results](results/README.md). In the pictures a convolution of the operator hands
its map on as it is, so that what is left is the operator; weights that are learnt freely are random.

"""


class Entry(NamedTuple):
    idea: str
    formula: str
    when: str
    source: str


ENTRIES = {
    "transpose": Entry(
        "Every pixel adds a weighted copy of a kernel to the output, two pixels apart.",
        "out[m] = sum over i of x[i] K[m - 2i]",
        "The usual choice, and with `separable` the fastest here. Kernels of 2 and 4 overlap evenly, 3 does not; "
        "where a checkerboard is seen, take 4 or `upsample.blur=true`.",
        "Dumoulin and Visin 2016; Odena et al. 2016",
    ),
    "large_context": Entry(
        "A transposed convolution that looks far, beside a small one that keeps what is fine.",
        "out = transpose(x, K of 7 or 11) + transpose(x, K of 3)",
        "Where robustness to disturbed inputs counts more than size: it has more than twice the parameters.",
        "Agnihotri et al. 2024",
    ),
    "nearest": Entry(
        "Every pixel becomes a 2 x 2 block, and a convolution smooths the blocks.",
        "out = conv3(x[i // 2])",
        "A safe choice without any pattern of its own. Folded, it is one transposed convolution of 4 x 4.",
        "Odena et al. 2016",
    ),
    "bilinear": Entry(
        "Pixels between are interpolated from two neighbours an axis, then a convolution.",
        "out = conv3((1/4, 3/4) and (3/4, 1/4) of neighbours)",
        "Smooth outlines. Slower than `nearest`, because the convolution sees four times the pixels.",
        "Odena et al. 2016",
    ),
    "bicubic": Entry(
        "As bilinear, from four neighbours an axis.",
        "out = conv3(Keys' cubic kernel with a = -0.75)",
        "Hardly ever: it costs more than `bilinear`, and no gain over the simple ones has been shown.",
        "Keys 1981",
    ),
    "zeros": Entry(
        'Zeros between the pixels ("bed of nails"), then a convolution fills them.',
        "out = conv3(x[i / 2] where i is even, else 0)",
        "To see what a transposed convolution is: with a flipped kernel of 3 they are the same.",
        "Dumoulin and Visin 2016",
    ),
    "pixelshuffle": Entry(
        "A convolution to four times the channels, which are dealt out to 2 x 2 blocks.",
        "out[2i + a, 2j + b] = conv3(x)[channel 4c + 2a + b][i, j]",
        "Where all work should be done at low resolution. Most parameters of the small ones.",
        "Shi et al. 2016; Aitken et al. 2017",
    ),
    "unpool": Entry(
        "Values go back to where the encoder's maxima were; all else is zero.",
        "out[position of the maximum of window i] = conv3(x)[i]",
        "Exact places, which the encoder remembers. Only with `downsample=max`.",
        "Noh et al. 2015; Badrinarayanan et al. 2017",
    ),
    "bilinear_additive": Entry(
        "Interpolates, and adds up every four channels, so that the convolution is four times smaller.",
        "out = conv3(sum of 4 channels of bilinear(x))",
        "Few parameters and multiplications, no pattern.",
        "Wojna et al. 2019",
    ),
    "separable": Entry(
        "Repeats every pixel, then a convolution of each channel alone, norm, ReLU, and one across channels.",
        "out = conv1(relu(norm(depthwise3(nearest(x)))))",
        "The smallest that still looks around itself; made for phones.",
        "Rahman et al. 2024 (EUCB)",
    ),
    "carafe": Entry(
        "Every output pixel is a mean of 5 x 5 inputs, with weights predicted from the content.",
        "out[i'] = sum over n of softmax(w(y))[i', n] y[i' // 2 + n],  y = conv1(x)",
        "Where regions should keep together; more than twice the time of the simple ones.",
        "Wang et al. 2019",
    ),
    "sapa": Entry(
        "As carafe, but an input weighs as much as it resembles the encoder's pixel.",
        "weights = softmax over n of q(skip[i']) . k(y[i' // 2 + n])",
        "Hardly in a U-Net, which joins the map of the encoder anyway: shown not to be the best on CamVid and DRIVE.",
        "Lu et al. 2022 (SAPA-B)",
    ),
    "fade": Entry(
        "Weights from encoder and decoder together, and a gate that lets the encoder's own values through.",
        "out = g skip + (1 - g) carafe(y; w(skip) + w(y)),  g = sigmoid(conv1(y))",
        "Hardly in a U-Net, which joins the map of the encoder anyway: shown not to be the best on CamVid, at more "
        "than twice the time.",
        "Lu et al. 2022 (FADE)",
    ),
    "dysample": Entry(
        "Every output pixel is read, bilinearly, at a place that is predicted from the content.",
        "out[i'] = y at (i' / 2 + 0.25 o(y)[i'])",
        "Almost the fewest parameters, and the choice of the race on coast. Slower than `transpose`.",
        "Liu et al. 2023",
    ),
}


def picture(name: str, network: UNet):
    """What the operator of a fresh network does to one pixel and a constant, and hands on of a small map."""
    b, (small, skip) = last_behaviour(network), small_map()
    c_out = b.strongest[1]
    up = UPSAMPLERS[name](4, 4, 4)
    initialise(up, seed=2)
    with torch.no_grad():
        pass_through(up)
        made = up.eval()(small, skip)[0, 0]
    figure = Figure(figsize=(9.2, 2.6), layout="constrained", dpi=110)
    axes = figure.subplots(1, 4)
    show_map(axes[0], small[0, 0], "a map, 6 x 6")
    show_map(axes[1], made, "what it becomes")
    show_map(axes[2], b.single[c_out, 10:24, 10:24], "one pixel becomes")
    show_map(axes[3], b.constant[c_out, 12:20, 12:20], f"a constant, ripple {b.ripple:.3f}")
    return figure


def main() -> None:
    if missing := UPSAMPLERS.keys() - ENTRIES.keys():
        sys.exit(f"ENTRIES in {__file__} has no {', '.join(sorted(missing))}")
    image = torch.randint(0, 256, (1, 3, 256, 256), dtype=torch.uint8)
    networks = {}
    for name in UPSAMPLERS:
        networks[name] = UNet(UNetConfig(upsample={"name": name})).eval()
        initialise(networks[name], seed=0)
    functions = {(name, way): o() for name, n in networks.items() for way, o in openers(n, image).items()}
    with torch.inference_mode():
        times = in_turn(functions, rounds=9)
    fastest = {name: min(ms for (other, _), ms in times.items() if other == name) for name in networks}

    rows, sections = [], []
    for name, network in networks.items():
        entry, config = ENTRIES[name], network.config
        counts = parameters(network) / 1e6, multiplications(fold(network), 128, 128) / 1e6
        numbers = f"{counts[0]:.2f} | {counts[1]:.0f} | {fastest[name]:.0f} | {receptive_field(config)}"
        rows.append(f"| [`{name}`](#{name}) | {numbers} | {last_behaviour(network).ripple:.2f} |")
        file = IMAGES / "operators" / f"{name}.png"
        file.parent.mkdir(exist_ok=True)
        picture(name, network).savefig(file, bbox_inches="tight", pad_inches=0.05)
        sections.append(
            f"## {name}\n\n{entry.idea} *{entry.source}*\n\n    {entry.formula}\n\n"
            f"![{name}: a small map, one pixel and a constant](images/operators/{name}.png)\n\n**When.** {entry.when}\n"
        )
    threads = f"{torch.get_num_threads()} threads of {processor()}"
    PAGE.write_text(HEAD.format(threads=threads, rows="\n".join(rows)) + "\n".join(sections))


if __name__ == "__main__":
    main()
