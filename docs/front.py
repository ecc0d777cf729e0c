"""Draws the first picture of the pages, of a race on nuclei.

python docs/front.py outputs/nuclei
"""

import sys
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure
from torch import Tensor

from unetlite.compare.comparison import read_comparison
from unetlite.compare.doctor.run_data import open_data
from unetlite.compare.report.figures import principal_components
from unetlite.network.checkpoint import load_network
from unetlite.network.unet import UNet
from unetlite.visualize import error_pictures

OPERATORS = "transpose", "bilinear", "unpool", "separable"
IMAGE = "29dd28df98ee51b4"  # how the name of the test image begins
STEP = 2  # of the decoder's four steps, coarsest first


@torch.inference_mode()
def front(directory: Path) -> Figure:
    """An image and its truth; the errors of four operators, and the features in the decoder."""
    comparison = read_comparison(directory)
    dataset = open_data(comparison).dataset
    split = dataset.splits["test"]
    (number,) = [k for k, name in enumerate(split.names) if name.startswith(IMAGE)]
    image, mask = split[split.full_crop(number)]
    grey = image.float().mean(0)
    grey = (grey / grey.quantile(0.995)).clamp(max=1)  # the micrograph is dark
    bright = (255 * grey).byte().numpy()[..., None].repeat(3, axis=2)

    figure = Figure(figsize=(9.2, 4.1), layout="constrained", dpi=150)
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03)
    axes = figure.subplots(2, 1 + len(OPERATORS))
    axes[0, 0].imshow(grey, cmap="gray")
    axes[1, 0].imshow(mask, cmap="gray")
    axes[0, 0].set_title("a micrograph", fontsize=11)
    axes[1, 0].set_title("its nuclei", fontsize=11)
    for column, name in enumerate(OPERATORS, start=1):
        run = comparison.variants[name][0]
        network = load_network(run.files.test_checkpoint).eval()
        classes, features = predict(network, image)
        pictures = error_pictures(
            bright,
            mask.numpy(),
            classes,
            dataset.colours,
            focus=1,
        )
        axes[0, column].imshow(pictures["error"])
        axes[0, column].set_title(name, fontsize=11, fontweight="bold")
        axes[1, column].imshow(principal_components(features))
    axes[0, 1].set_ylabel("prediction", fontsize=11)
    axes[1, 1].set_ylabel(f"inside, decoder step {STEP}", fontsize=11)
    for cell in axes.flat:
        cell.set(xticks=[], yticks=[])
        cell.spines[:].set_visible(False)
    return figure


def predict(network: UNet, image: Tensor) -> tuple[np.ndarray, Tensor]:
    """Classes (H, W) of an image (C, H, W), and the features (C', h, w) after STEP."""
    features = []

    def remember(step: torch.nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        features.append(output[0])

    network.decoder[STEP - 1].register_forward_hook(remember)
    classes = network(image[None]).argmax(1)[0].byte().numpy()
    return classes, features[0]


if __name__ == "__main__":
    front(Path(sys.argv[1])).savefig(Path(__file__).parent / "images" / "front.png")
