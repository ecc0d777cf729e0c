"""The device that predicts, and the variants that it can run."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from unetlite.compare.planning.request import Request, find_operators
from unetlite.errors import UsageError
from unetlite.settings.composition import compose_run
from unetlite.settings.overrides import select_overrides
from unetlite.terminal import load_libraries, progress

if TYPE_CHECKING:
    from unetlite.compare.comparison import Comparison
    from unetlite.compare.costs.device import DeviceCosts
    from unetlite.network.unet import UNet

SIZE = (256, 256)
"""Height and width of the image for which costs are measured, unless told otherwise."""


@dataclass(frozen=True)
class Target:
    """What is known of the device that predicts. By default nothing: this machine measures."""

    costs: "DeviceCosts | None" = None
    operators: frozenset[str] | None = None  # of ONNX, that it can run; None: all
    runtime: str | None = None
    is_checked: bool = False  # the variants are known to run there

    @property
    def is_known(self) -> bool:
        """True if anything is known."""
        return any(part is not None for part in (self.costs, self.operators, self.runtime))

    def export_options(self, size: tuple[int, int]) -> str:
        """Of `unetlite export`, for a file with the operators of the one in a kit.

        It is for one image of `size` (height, width), and gives logits. Empty if nothing is known.
        """
        if not self.is_known:
            return ""
        height, width = size
        options = f"--size {height}x{width} --output logits"
        runtime = self.runtime
        if self.costs is not None:
            runtime = self.costs.content.runtime
        return f"{options} --format openvino" if runtime == "openvino" else options

    def image_size(self, size: tuple[int, int] | None) -> tuple[int, int]:
        """Height and width of the image for which costs are compared.

        Raises UsageError if the file of costs is for another one than the option says.
        """
        if self.costs is None:
            return size or SIZE
        height, width = self.costs.content.size
        if size not in (None, (height, width)):
            raise UsageError(
                f"--costs {self.costs.path} is for {height} x {width} pixels; leave --size out."
            )
        return height, width

    def left_out(self, networks: Mapping[str, "UNet"], size: tuple[int, int]) -> dict[str, str]:
        """The reason of each variant that the device cannot run."""
        from unetlite.inference.supported import export_models, unsupported

        if self.is_checked or (self.operators is None and self.runtime is None):
            return {}
        with progress("exporting") as update:
            models = export_models(
                networks,
                size,
                self.runtime or "onnxruntime",
                update,
            )
        return unsupported(models, self.operators, self.runtime)


def read_target(costs: Path | None, operators: str | None, runtime: str | None) -> Target:
    """The device of the options. Raises UsageError for one that is wrong."""
    if costs is None and operators is None and runtime is None:
        return Target()
    load_libraries("torch")
    from unetlite.compare.costs.device import read_device_costs
    from unetlite.inference.supported import check_runtime, parse_operators

    if runtime is not None:
        check_runtime(runtime)
    return Target(
        None if costs is None else read_device_costs(costs),
        None if operators is None else parse_operators(operators),
        runtime,
    )


def restrict_comparison(
    comparison: "Comparison", target: Target, size: tuple[int, int]
) -> "Comparison":
    """Without the variants that the device cannot run.

    Raises UsageError if fewer than two are left.
    """
    if not target.is_known:
        return comparison
    networks = comparison.networks
    reasons = target.left_out(networks, size)
    if target.costs is not None:
        for name, network in networks.items():
            reason = target.costs.reason(network.config)
            if reason is not None:
                reasons.setdefault(name, reason)
    check_rest(comparison.variants, reasons)
    return comparison.leave_out(reasons)


def restrict_request(request: Request, target: Target) -> Request:
    """The same request for the operators that the device can run."""
    if not target.is_known:
        return request
    request = replace(request, fixed_network=True)
    overrides = select_overrides(request.overrides, "model", "downsample")
    names = find_operators(request, compose_run(overrides))
    names = restrict_operators(names, overrides, target)
    if request.operators is not None:
        return replace(request, operators=",".join(names))
    return replace(request, candidates=names)


def restrict_operators(names: list[str], overrides: list[str], target: Target) -> list[str]:
    """The upsampling operators that the device can run, before the data are known.

    `overrides` are those of the network. Raises UsageError if fewer than two are left, or if one
    is not in the file of costs.
    """
    from unetlite.compare.costs.device import OF_DATA
    from unetlite.network.unet import UNet

    reasons: dict[str, str] = {}
    networks = {}
    for name in names:
        settings = compose_run([*overrides, f"upsample={name}"])
        config = settings.unet_config()
        networks[name] = UNet(config).eval()
        if target.costs is None or settings.model.match is not None:
            continue  # what match gives depends on the data
        reason = target.costs.reason(config, OF_DATA)
        if reason is None:
            target.costs.measured(config, OF_DATA)  # raises UsageError
        else:
            reasons[name] = reason
    reasons = {**target.left_out(networks, SIZE), **reasons}
    check_rest(names, reasons)
    print_left_out(reasons)
    return [name for name in names if name not in reasons]


def check_rest(names: Collection[str], reasons: Mapping[str, str]) -> None:
    """Raises UsageError if the device can run fewer than two variants."""
    if len(names) - len(reasons) < 2:
        lines = "; ".join(f"{name}: {reason}" for name, reason in reasons.items())
        rest = [name for name in names if name not in reasons]
        if rest:
            raise UsageError(
                f"{rest[0]} is the answer: it is the only one of {len(names)} that the device can "
                f"run, so nothing is left to compare. Left out: {lines}."
            )
        raise UsageError(f"the device can run none of the {len(names)}; {lines}.")


def print_left_out(reasons: Mapping[str, str]) -> None:
    """Prints a line for each variant that the device cannot run."""
    for name, reason in reasons.items():
        print(f"{name} is left out: {reason}", flush=True)
