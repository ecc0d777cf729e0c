"""Draws the first picture of the README, of runs of data=nuclei: python docs/front.py outputs/nuclei"""

import sys
from pathlib import Path

import torch
from matplotlib.figure import Figure

from unetlite.compare.evidence import open_data, principal_components
from unetlite.compare.runs import read_comparison
from unetlite.network.checkpoint import load_network
from unetlite.pictures import pictures_of

OPERATORS = "transpose", "bilinear", "unpool", "separable"
IMAGE, STEP = 31, 2  # of the test images, 256 x 256 pixels; of the decoder's four steps, coarsest first


@torch.inference_mode()
def front(directory: Path) -> Figure:
    """The image and the truth; what four operators get wrong, and what the decoder's second step hands on."""
    comparison = read_comparison(directory)
    store = open_data(comparison).store
    image, mask = store.splits["test"][store.splits["test"].whole(IMAGE)]
    grey = image.float().mean(0) / image.float().mean(0).quantile(0.995)  # the micrograph is dark
    figure = Figure(figsize=(9.2, 4.1), layout="constrained", dpi=150)
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    axes = figure.subplots(2, 1 + len(OPERATORS))
    axes[0, 0].imshow(grey.clamp(max=1), cmap="gray")
    axes[1, 0].imshow(mask, cmap="gray")
    axes[0, 0].set_title("a micrograph", fontsize=11)
    axes[1, 0].set_title("its nuclei", fontsize=11)
    for (top, bottom), name in zip(axes[:, 1:].T, OPERATORS, strict=True):
        run = comparison.variants[name][0]
        network, kept = load_network(run.files.judged).eval(), []
        network.decoder[STEP - 1].register_forward_hook(lambda module, given, result, kept=kept: kept.append(result[0]))
        found = network(image[None]).argmax(1)[0].byte().numpy()
        bright = (255 * grey.clamp(max=1)).byte().numpy()[None]
        top.imshow(pictures_of(bright, mask.numpy(), found, store.colours)["error"])
        top.set_title(name, fontsize=11, fontweight="bold")
        bottom.imshow(principal_components(kept[0]))
    axes[0, 1].set_ylabel("wrong pixels", fontsize=11)
    axes[1, 1].set_ylabel(f"inside, decoder step {STEP}", fontsize=11)
    for cell in axes.flat:
        cell.set(xticks=[], yticks=[])
        for side in cell.spines.values():
            side.set_visible(False)
    return figure


if __name__ == "__main__":
    front(Path(sys.argv[1])).savefig(Path(__file__).parent / "images" / "front.png")
