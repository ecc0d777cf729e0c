"""The costs of networks on another device, as a kit's measure.py wrote them."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass

from unetlite.compare.costs.costs import Costs, VariantCost
from unetlite.errors import UsageError
from unetlite.inference.kit import describe_architecture
from unetlite.inference.runtimes.base import RUNTIME_NAMES
from unetlite.network.upsampling.base import UPSAMPLERS
from unetlite.settings.schema import UNetConfig
from unetlite.validation import STRICT, read_record
from unetlite.wording import counted

REMEDY = "Run measure.py of the kit again."

OF_DATA = ("in_channels", "pixel_type", "num_classes")
"""What the data decide in a network."""


def check_text(text: str) -> str:
    """The text. Raises ValueError if a terminal would not show it in one line."""
    if not text.isprintable():
        raise ValueError("expected printable characters")
    return text


Text = Annotated[str, Field(min_length=1, max_length=500), AfterValidator(check_text)]


@dataclass(frozen=True, config=STRICT)
class Measured:
    """What a network costs on the device."""

    network: dict[str, Any]  # see `describe_architecture`
    milliseconds: PositiveFloat  # of a prediction, the median
    lowest: PositiveFloat  # median of a round
    highest: PositiveFloat
    peak_memory_mb: PositiveFloat | None  # of a process, with Python and the runtime
    energy_mj: float | None  # of a prediction


@dataclass(frozen=True, config=STRICT)
class Excluded:
    """A network that the device did not run, or not rightly."""

    network: dict[str, Any]
    reason: Text


@dataclass(frozen=True, config=STRICT)
class CostsFile:
    """The content of costs.json."""

    format: Literal["unetlite costs"]
    version: Literal[1]
    device: Text
    system: Text
    runtime: Literal["onnxruntime", "openvino"]
    runtime_version: Text
    threads: PositiveInt
    size: Annotated[list[PositiveInt], Field(min_length=2, max_length=2)]  # of the image
    variants: dict[str, Measured]
    excluded: dict[str, Excluded]

    @property
    def networks(self) -> list[dict[str, Any]]:
        """Those measured, then those excluded."""
        networks = [measured.network for measured in self.variants.values()]
        networks += [excluded.network for excluded in self.excluded.values()]
        return networks

    @property
    def operators(self) -> list[str]:
        """The upsampling operators of those measured, each once."""
        names: dict[str, None] = {}
        for measured in self.variants.values():
            upsample = measured.network.get("upsample")
            if isinstance(upsample, dict) and upsample.get("name") in UPSAMPLERS:
                names[upsample["name"]] = None
        return list(names)

    @property
    def of_runtime(self) -> str:
        """Runtime and threads, such as "ONNX Runtime 1.20.1, 4 threads"."""
        runtime = RUNTIME_NAMES[self.runtime]
        return f"{runtime} {self.runtime_version}, {counted(self.threads, 'thread')}"


@dataclass(frozen=True, config=STRICT)
class DeviceCosts:
    """A file of costs. Networks are found by their architecture, whatever a variant's name is.

    Before the data are known, `free` can be OF_DATA: architectures need not agree in these keys.
    """

    path: Path
    content: CostsFile

    def measured(self, config: UNetConfig, free: Collection[str] = ()) -> Measured:
        """The costs of a network. Raises UsageError if it was not measured, or was excluded."""
        for entry in self.content.variants.values():
            if not differing_keys(entry.network, config, free):
                return entry
        reason = self.reason_of_lack(config, free)
        raise UsageError(
            f"--costs {self.path}: {reason}. Measure a kit of these networks: unetlite kit."
        )

    def reason_of_lack(self, config: UNetConfig, free: Collection[str]) -> str:
        """Why there is no cost of a network: excluded, of another network, or not measured."""
        name = config.upsample["name"]
        excluded = self.reason(config, free)
        if excluded is not None:
            return f"{name} is excluded ({excluded})"
        for network in self.content.networks:
            upsample = network.get("upsample")
            if isinstance(upsample, dict) and upsample.get("name") == name:
                key = differing_keys(network, config, free)[0]
                value = describe_architecture(config).get(key)
                return (
                    f"{name} was measured in another network: "
                    f"{key} was {network.get(key)!r} and is {value!r}"
                )
        return f"{name} was not measured"

    def reason(self, config: UNetConfig, free: Collection[str] = ()) -> str | None:
        """Why a network was excluded on the device; None if it was not."""
        for excluded in self.content.excluded.values():
            if not differing_keys(excluded.network, config, free):
                return f"on {self.content.device}, {excluded.reason}"
        return None


def differing_keys(
    network: Mapping[str, Any], config: UNetConfig, free: Collection[str]
) -> list[str]:
    """The keys in which an architecture of a file differs from that of a network."""
    architecture = describe_architecture(config)
    differing = []
    for key in sorted(architecture.keys() | network.keys()):
        if key not in free and network.get(key) != architecture.get(key):
            differing.append(key)
    return differing


def read_device_costs(path: Path) -> DeviceCosts:
    """The costs in a file. Raises UsageError if it is missing, damaged or of another version."""
    content = read_record(path, CostsFile, REMEDY)
    if not content.variants:
        raise UsageError(f"{path} is damaged (variants={{}}). {REMEDY}")
    return DeviceCosts(path, content)


def put_device_costs(
    costs: Costs, device_costs: DeviceCosts, configs: Mapping[str, UNetConfig]
) -> Costs:
    """Counted costs with the latencies of the device.

    Raises UsageError if a variant was not measured there.
    """
    content = device_costs.content
    variants = {}
    for name, cost in costs.variants.items():
        measured = device_costs.measured(configs[name])
        variants[name] = VariantCost(
            cost.parameters,
            cost.macs,
            {content.runtime: measured.milliseconds},
            peak_memory_mb=measured.peak_memory_mb,
            energy_mj=measured.energy_mj,
            rounds_ms=(measured.lowest, measured.highest),
        )
    return replace(
        costs,
        variants=variants,
        processor=content.device,
        threads=content.threads,
        device=f"{content.device} ({content.of_runtime})",
    )
