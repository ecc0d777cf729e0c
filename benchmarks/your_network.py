"""What operators cost in the networks of docs/your-network.md: parameters and milliseconds.

    python benchmarks/your_network.py

Needs: pip install -e ".[bench]". It prints the table of the page, for an image of 256 x 256 pixels
with PyTorch and one thread. What counts is the time of its processor, so other programs beside it
matter little. Libraries that are not installed are left out.
"""

import re
import time
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median
from typing import Any

import torch
from torch import nn

from unetlite.errors import UsageError
from unetlite.network.upsampling import UPSAMPLERS
from unetlite.settings.paths import CHECKOUT

PAGE = CHECKOUT / "docs" / "your-network.md"
IMPORTS = {
    "segmentation_models_pytorch": "import segmentation_models_pytorch",
    "monai": "from monai",
    "torchvision": "from torchvision",
}
"""What the recipe of a library begins with."""

UNTOUCHED = "as it is"
OPERATORS = (UNTOUCHED, *UPSAMPLERS)
SIZE = 256
ROUNDS = 10
WARM_UP = 2

MakeNetwork = Callable[[str], nn.Module]  # by the name of an operator
Costs = dict[str, tuple[float, float]]  # millions of parameters and milliseconds, by operator


def page_code(words: str) -> dict[str, Any]:
    """The names that the one block of the page with these words defines."""
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    (code,) = [block for block in blocks if words in block]
    names: dict[str, Any] = {}
    exec(compile(code, PAGE.name, "exec"), names)
    return names


def recipe(library: str) -> MakeNetwork:
    """`make_network` of a library's recipe."""
    make_network: MakeNetwork = page_code(IMPORTS[library])["make_network"]
    return make_network


def fitting_networks(make_network: MakeNetwork) -> dict[str, nn.Module]:
    """A network with each operator that fits, the untouched one first."""
    networks = {operator: network_if_fits(make_network, operator) for operator in OPERATORS}
    return {operator: network for operator, network in networks.items() if network is not None}


def network_if_fits(make_network: MakeNetwork, operator: str) -> nn.Module | None:
    """The network in evaluation mode; None if the operator does not fit, and why is printed."""
    try:
        return make_network(operator).eval()
    except UsageError as error:
        print(f"left out: {error}")
        return None


def measure_costs(make_network: MakeNetwork) -> Costs:
    """Of the network with each operator that fits."""
    networks = fitting_networks(make_network)
    times: dict[str, list[float]] = {operator: [] for operator in networks}
    image = torch.rand(1, 3, SIZE, SIZE)
    for _ in range(WARM_UP + ROUNDS):
        for operator, network in networks.items():
            times[operator].append(processor_seconds(network, image))
    costs = {}
    for operator, network in networks.items():
        parameters = sum(value.numel() for value in network.parameters())
        milliseconds = 1000 * median(times[operator][WARM_UP:])
        costs[operator] = (parameters / 1e6, milliseconds)
    return costs


@torch.inference_mode()
def processor_seconds(network: nn.Module, image: torch.Tensor) -> float:
    """Of a forward pass, without the time in which other programs had the processor."""
    start = time.process_time()
    network(image)
    return time.process_time() - start


def make_table(by_library: dict[str, Costs]) -> str:
    """Markdown, with a row for each operator: of each library the parameters and milliseconds."""
    headings = ["operator"]
    for library in by_library:
        headings += [library, "ms"]
    lines = ["| " + " | ".join(headings) + " |", "|---" * len(headings) + "|"]
    for operator in OPERATORS:
        cells = [operator if operator == UNTOUCHED else f"`{operator}`"]
        for costs in by_library.values():
            if operator in costs:
                parameters, milliseconds = costs[operator]
                cells += [f"{parameters:.2f}", f"{milliseconds:.0f}"]
            else:
                cells += ["", ""]
        if any(cells[1:]):
            lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measures the recipes of all libraries that are installed."""
    torch.set_num_threads(1)
    by_library = {}
    for library in IMPORTS:
        if find_spec(library) is None:
            print(f"left out: {library} is not installed")
        else:
            by_library[library] = measure_costs(recipe(library))
    print(make_table(by_library))


if __name__ == "__main__":
    main()
