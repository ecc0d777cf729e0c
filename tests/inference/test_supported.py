"""What a device can run: ONNX operators, and runtimes that load an export."""

import pytest
from helpers import as_trained

from unetlite.errors import UsageError
from unetlite.inference import supported
from unetlite.inference.supported import (
    export_models,
    operators_of,
    parse_operators,
    unsupported,
)

BASIC = {"Cast", "Concat", "Conv", "Div", "MaxPool", "Relu", "Sub"}


@pytest.fixture(scope="module")
def models():
    networks = {}
    for name in ("transpose", "bilinear", "unpool"):
        networks[name] = as_trained({"name": name}, widths=(4, 6))
    return export_models(networks, (8, 8), "onnxruntime", lambda *_: None)


def test_operators_that_a_device_lacks_are_named(models):
    assert operators_of(models["bilinear"]) == BASIC | {"Resize"}
    reasons = unsupported(models, BASIC | {"ConvTranspose"}, "onnxruntime")
    assert reasons["bilinear"] == "it needs Resize, which is not in --ops"
    assert "ScatterElements, Slice, which are not in --ops" in reasons["unpool"]
    assert "transpose" not in reasons
    assert unsupported(models, None, None) == {}


def test_the_size_of_the_image_does_not_decide_the_operators_of_dynamic_sampling():
    network = {"dysample": as_trained({"name": "dysample"}, widths=(4, 4))}
    listed = []
    for size in ((8, 8), (288, 288)):
        model = export_models(network, size, "onnxruntime", lambda *_: None)["dysample"]
        listed.append(operators_of(model))
    assert listed[0] == listed[1]


def test_an_operator_that_all_need_is_asked_for(models):
    with pytest.raises(UsageError, match=r"every network needs MaxPool as well; add"):
        unsupported(models, (BASIC - {"MaxPool"}) | {"Resize"}, None)


def test_operators_within_a_graph_and_a_function_count():
    helper = pytest.importorskip("onnx").helper
    value = helper.make_tensor_value_info("y", 1, None)
    inner = helper.make_graph([helper.make_node("Erf", ["x"], ["y"])], "inner", [], [value])
    branch = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    opset = helper.make_opsetid("", 20)
    call = helper.make_function(
        "own", "twice", ["a"], ["b"], [helper.make_node("Tan", ["a"], ["b"])], [opset]
    )
    nodes = [branch, helper.make_node("twice", ["y"], ["z"], domain="own")]
    graph = helper.make_graph(nodes, "outer", [], [value])
    assert operators_of(helper.make_model(graph, functions=[call])) == {"If", "Erf", "Tan"}


def test_a_runtime_that_cannot_load_a_variant_says_why(models, monkeypatch):
    def load(content):
        if content == models["unpool"].SerializeToString():
            raise NotImplementedError("no ScatterElements(18) here\nat line 7")

    monkeypatch.setitem(supported.LOADERS, "onnxruntime", load)
    reason = "onnxruntime cannot load it (no ScatterElements(18) here)"
    assert unsupported(models, None, "onnxruntime") == {"unpool": reason}


@pytest.mark.parametrize("text", ["Conv,Resise", "conv", "", "Conv,", "Conv, Resize"])
def test_what_is_no_operator_of_onnx_is_refused(text):
    with pytest.raises(UsageError, match=r"--ops .* is no operator of ONNX"):
        parse_operators(text)
