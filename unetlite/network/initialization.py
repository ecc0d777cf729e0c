"""Initial weights, as a function of the seed and of module names."""

import torch
from torch import nn

from unetlite.network.names import FORMER_PREFIXES, replace_prefix
from unetlite.seeding import derive_seed


def initialise(network: nn.Module, seed: int) -> None:
    """Draws every parameter anew, each module from a generator of its own.

    A generator depends on (seed, module name) alone, by the name in version 0.1. So two networks
    that differ in one module start equal everywhere else. A module's own `reset_parameters` runs
    after those of its parts, and what it sets stays. A module with `resets_parts` draws for its
    parts, too.

    Raises TypeError for a module with parameters of its own and no `reset_parameters`.
    """
    with torch.random.fork_rng(devices=[]):
        draw(network, "", seed)


def draw(module: nn.Module, name: str, seed: int) -> None:
    """Draws the parameters of a module's parts, then its own; `name` is its name in the network."""
    if not getattr(module, "resets_parts", False):
        for part_name, part in module.named_children():
            draw(part, f"{name}.{part_name}".removeprefix("."), seed)
    reset = getattr(module, "reset_parameters", None)
    if reset is not None:
        torch.manual_seed(derive_seed(seed, replace_prefix(name, FORMER_PREFIXES)))
        reset()
    elif list(module.parameters(recurse=False)):
        raise TypeError(
            f"{type(module).__name__} has parameters of its own, and no reset_parameters()."
        )
