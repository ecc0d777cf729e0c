"""The contract of a runtime."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from unetlite.card import Card
from unetlite.errors import UsageError


class Runtime(ABC):
    """A network that is ready to predict.

    Attributes:
        name: of what runs it, as people call it.
        card: what it takes and gives.
    """

    name: str
    card: Card

    @abstractmethod
    def run(self, image: np.ndarray) -> np.ndarray:
        """Raw pixels uint8 (B, C, H, W), any B, H, W >= 1, to what `card.output` says: logits or probabilities float32
        (B, K, H, W), or classes uint8 (B, H, W)."""

    def probabilities(self, image: np.ndarray) -> np.ndarray:
        """Float32 (B, K, H, W), adding up to 1 over K; where only classes are given, 1 for the class that is."""
        output = torch.from_numpy(self.run(np.require(image, requirements=("C", "W"))))
        if self.card.output == "classes":
            one_hot = F.one_hot(output.long(), len(self.card.classes))  # (B, H, W, K)
            return one_hot.permute(0, 3, 1, 2).float().numpy()
        return (output.softmax(1) if self.card.output == "logits" else output).numpy()


@contextmanager
def opening(path: Path, *raised: type[Exception]) -> Iterator[None]:
    """Says in words that a runtime is not installed, or that a file is not one of its own.

    Args:
        path: of the file.
        raised: besides OSError, by what opens it, if the file is damaged.
    """
    damaged: tuple[type[Exception], ...] = (OSError, *raised)
    try:
        yield
    except ImportError as error:
        raise UsageError(f"{path} needs the package {error.name}: pip install {error.name}") from None
    except damaged as error:
        raise UsageError(f"{path} cannot be opened; it is damaged or of another kind. {first_line(error)}") from None


def first_line(error: Exception) -> str:
    """The first line of what an error says, shortened to be read."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
