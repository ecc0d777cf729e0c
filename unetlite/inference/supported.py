"""What a network asks of a device: ONNX operators, and a runtime that loads it."""

from collections.abc import Callable, Collection, Mapping
from importlib import import_module
from typing import Any

from unetlite.errors import UsageError, first_line, require_extra
from unetlite.inference.export import onnx_model
from unetlite.inference.runtimes.onnx import make_session
from unetlite.inference.runtimes.openvino import make_request
from unetlite.network.folding import fold
from unetlite.network.unet import UNet

LOADERS: dict[str, Callable[[bytes], Any]] = {
    "onnxruntime": make_session,
    "openvino": make_request,
}
"""By runtime, what opens the content of an ONNX file."""

Models = Mapping[str, Any]  # onnx.ModelProto by variant


def parse_operators(text: str) -> frozenset[str]:
    """The names of ONNX operators. Raises UsageError for one that ONNX does not have."""
    with require_extra("export"):
        from onnx.defs import has
    names = frozenset(text.split(","))
    unknown = sorted(name for name in names if not has(name))
    if unknown:
        raise UsageError(
            f"--ops {text}: {', '.join(unknown) or 'nothing'} is no operator of ONNX; expected "
            "such as Conv,ConvTranspose,Resize. `unetlite explain --compare` lists those in use."
        )
    return names


def check_runtime(runtime: str) -> None:
    """Raises UsageError for a runtime that is unknown, or not installed."""
    if runtime not in LOADERS:
        raise UsageError(f"--runtime {runtime}: choose one of {', '.join(LOADERS)}.")
    with require_extra("export"):
        import_module(runtime)


def export_models(
    networks: Mapping[str, UNet],
    size: tuple[int, int],
    runtime: str,
    update: Callable[..., None],
) -> dict[str, Any]:
    """An onnx.ModelProto of each network, folded for a runtime, for one image of this size.

    `update(text, done)` reports the progress.
    """
    models = {}
    for number, (name, network) in enumerate(networks.items()):
        update(f"exporting {name}", number / len(networks))
        with require_extra("export"):
            models[name] = onnx_model(fold(network, runtime), size=size)
    return models


def operators_of(model: Any) -> set[str]:
    """The operators of an onnx.ModelProto, also of graphs and functions within it."""
    operators = set()
    bodies = [model.graph, *model.functions]
    while bodies:
        for node in bodies.pop().node:
            operators.add(node.op_type)
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    bodies.append(attribute.g)
                bodies += attribute.graphs
    return operators - {function.name for function in model.functions}


def missing_operators(models: Models, supported: Collection[str]) -> dict[str, str]:
    """The reason of each variant that needs operators beside these.

    Raises UsageError if all need one, since then none is left.
    """
    missing = {}
    for name, model in models.items():
        missing[name] = operators_of(model).difference(supported)
    shared = set.intersection(*missing.values())
    if shared:
        raise UsageError(
            f"--ops {','.join(sorted(supported))}: every network needs "
            f"{', '.join(sorted(shared))} as well; add what the device can run."
        )
    reasons = {}
    for name, operators in missing.items():
        if operators:
            verb = "are" if len(operators) > 1 else "is"
            reasons[name] = f"it needs {', '.join(sorted(operators))}, which {verb} not in --ops"
    return reasons


def unloadable(models: Models, runtime: str) -> dict[str, str]:
    """The reason of each variant that a runtime cannot load."""
    reasons = {}
    for name, model in models.items():
        content = model.SerializeToString()
        try:
            LOADERS[runtime](content)
        except Exception as error:  # runtimes have errors of their own
            reasons[name] = f"{runtime} cannot load it ({first_line(error)})"
    return reasons


def unsupported(
    models: Models, supported: Collection[str] | None, runtime: str | None
) -> dict[str, str]:
    """The reason of each variant that needs other operators, or that the runtime cannot load."""
    reasons = {}
    if runtime is not None:
        reasons.update(unloadable(models, runtime))
    if supported is not None:
        reasons.update(missing_operators(models, supported))
    return reasons
