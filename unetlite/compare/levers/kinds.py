"""What can be changed besides the operator: a lever is one change of the settings."""

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

from unetlite.compare.control import is_in_groups
from unetlite.compare.planning.request import NEEDS_POSITIONS
from unetlite.errors import UsageError
from unetlite.settings.composition import compose_run
from unetlite.settings.schema import Settings
from unetlite.settings.typed import format_value
from unetlite.wording import join_names

BASELINE = "base"
"""The name of the trainings without a lever."""

TURNS = {
    "horizontal_flip": "horizontal flips",
    "vertical_flip": "vertical flips",
    "quarter_turns": "quarter turns",
}
WIDER = 1.5
CROP_STEP = 16  # crops are multiples of it


@dataclass(frozen=True)
class Lever:
    """A change of the settings."""

    name: str  # of the folder of its trainings
    title: str
    values: dict[str, Any]  # settings by dotted key
    words: list[str] = field(default_factory=list)  # overrides that choose a group
    changes_network: bool = False
    decided_by_time: bool = False  # a budget decides it: no race adopts it

    @property
    def typed(self) -> str:
        """What to type to train with it."""
        words = list(self.words)
        for key, value in self.values.items():
            words.append(f"{key}={format_value(value)}")
        return " ".join(words)


@dataclass(frozen=True)
class Baseline:
    """The training that levers change.

    `words` and `values` are the overrides and settings of all trainings, as in a plan of a race.
    `fixed` are the dotted keys that a person set. The first of the operators is the reference, with
    which levers are measured.
    """

    words: list[str]
    values: dict[str, Any]
    fixed: list[str]
    operators: list[str]
    longest_side: int  # of a typical image, in pixels
    network_reason: str | None = None  # why the network is not to be changed, if it is not

    @cached_property
    def plain(self) -> Settings:
        """The settings of a training without a change."""
        return self.settings()

    def settings(
        self,
        words: Sequence[str] = (),
        values: Mapping[str, Any] | None = None,
    ) -> Settings:
        """The settings of a training with these changes."""
        reference = f"upsample={self.operators[0]}"
        return compose_run([*self.words, *words, reference], {**self.values, **(values or {})})

    def with_values(self, values: Mapping[str, Any]) -> "Baseline":
        """The same with these settings."""
        return replace(self, values={**self.values, **values})

    def typed_key(self, *keys: str) -> str | None:
        """The first key that a person set: one of these, or one in the group of such a name."""
        for key in self.fixed:
            if is_in_groups(key, keys):
                return key
        return None


Result = Lever | str  # or the reason why it does not apply


def more_steps(base: Baseline) -> Result:
    """Twice the steps."""
    trainer = base.plain.trainer
    values = {"trainer.max_epochs": 2 * trainer.max_epochs}
    if trainer.max_steps > 0:
        values["trainer.max_steps"] = 2 * trainer.max_steps
    return Lever("steps", "twice the steps", values, decided_by_time=True)


def pretrained(base: Baseline) -> Result:
    """An encoder trained on photographs."""
    if base.plain.model.encoder is not None:
        return "the network has an encoder of timm already"
    if NEEDS_POSITIONS in base.operators and "operators" in base.fixed:
        return (
            f"{NEEDS_POSITIONS} needs positions of maxima, which an encoder of timm does not give"
        )
    if importlib.util.find_spec("timm") is None:
        return 'timm is missing: pip install "unetlite[encoders]"'
    from unetlite.network.encoders.weights import check_weights

    words = ["model=pretrained"]
    encoder = base.settings(words).model.encoder
    assert encoder is not None
    try:
        check_weights(encoder.name, encoder.weights)
    except UsageError as error:
        return str(error)
    return Lever(
        "pretrained",
        "a pretrained encoder",
        {},
        words,
        changes_network=True,
    )


def turns(base: Baseline) -> Result:
    """All flips and turns that are off, and that no person turned off."""
    augment = base.plain.data.augment
    values = {}
    titles = []
    for name, title in TURNS.items():
        key = f"data.augment.{name}"
        if not getattr(augment, name) and base.typed_key(key) is None:
            values[key] = True
            titles.append(title)
    if not values:
        return "they are on, or were turned off by hand"
    return Lever("turns", f"random {join_names(titles)}", values)


def larger_crops(base: Baseline) -> Result:
    """Crops of twice the side, as many of them, up to whole images."""
    crop_size = base.plain.data.crop_size
    image_size = math.ceil(base.longest_side / CROP_STEP) * CROP_STEP
    if crop_size >= image_size:
        return "crops hold whole images"
    larger = min(2 * crop_size, image_size)
    return Lever("crops", f"crops of {larger} pixels", {"data.crop_size": larger})


def lower_rate(base: Baseline) -> Result:
    """Half the learning rate."""
    rate = base.plain.trainer.learning_rate / 2
    return Lever("rate", "half the learning rate", {"trainer.learning_rate": rate})


def more_dice(base: Baseline) -> Result:
    """Twice the weight of the Dice loss; 1 where it has none."""
    weight = 2 * base.plain.trainer.dice_weight or 1.0
    return Lever("dice", f"a Dice loss of weight {weight:g}", {"trainer.dice_weight": weight})


def wider(base: Baseline) -> Result:
    """Half as many channels again; with an encoder of timm those of the decoder."""
    values = {}
    for name in ("widths", "decoder_widths"):
        widths = getattr(base.plain.model, name)
        if widths is not None:
            values[f"model.{name}"] = [round(WIDER * width) for width in widths]
    return Lever(
        "wider",
        f"a network {WIDER:g} times as wide",
        values,
        changes_network=True,
    )


class LeverKind(NamedTuple):
    """How a lever is made, and what rules it out."""

    title: str
    make: Callable[[Baseline], Result]
    keys: Sequence[str] = ()  # of which a person has set none
    changes_network: bool = False


LEVERS = [
    LeverKind("twice the steps", more_steps),
    LeverKind("a pretrained encoder", pretrained, ["model", "downsample"], changes_network=True),
    LeverKind("flips and turns", turns),
    LeverKind("larger crops", larger_crops, ["data.crop_size"]),
    LeverKind("a lower learning rate", lower_rate, ["trainer.learning_rate"]),
    LeverKind("more weight of Dice", more_dice, ["trainer.dice_weight"]),
    LeverKind(
        "a wider network",
        wider,
        ["model.widths", "model.decoder_widths", "model.match"],
        changes_network=True,
    ),
]
"""All levers in the order of importance: in a short time the last are left out first.

A larger `data.resize` is none: scores of images of another size do not compare.
"""


def find_levers(base: Baseline) -> tuple[list[Lever], dict[str, str]]:
    """The levers that apply, and the reasons why others do not."""
    levers = []
    reasons = {}
    for kind in LEVERS:
        result = apply_lever(kind, base)
        if isinstance(result, Lever):
            levers.append(result)
        else:
            reasons[kind.title] = result
    return levers, reasons


def join_titles(levers: Sequence[Lever]) -> str:
    """The levers in a sentence."""
    return " and ".join(lever.title for lever in levers)


def apply_lever(kind: LeverKind, base: Baseline) -> Result:
    """The lever, or why it does not apply."""
    if kind.changes_network and base.network_reason is not None:
        return base.network_reason
    key = base.typed_key(*kind.keys)
    if key is not None:
        return f"{key} was set"
    return kind.make(base)
