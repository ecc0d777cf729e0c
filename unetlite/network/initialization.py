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
        whole = [name for name, module in network.named_modules() if is_drawn_whole(module)]
        for name, module in reversed(list(network.named_modules())):
            if any(name.startswith(f"{outer}.") for outer in whole):
                continue
            if hasattr(module, "reset_parameters"):
                torch.manual_seed(derive_seed(seed, replace_prefix(name, FORMER_PREFIXES)))
                module.reset_parameters()
            elif list(module.parameters(recurse=False)):
                raise TypeError(
                    f"{type(module).__name__} has parameters of its own, and no reset_parameters()."
                )


def is_drawn_whole(module: nn.Module) -> bool:
    """True if the module draws the parameters of its parts itself."""
    return getattr(module, "resets_parts", False)
