"""The house: who may import whom, and that it stays small."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

import unetlite
from unetlite.settings import CHECKOUT

ROOT = Path(unetlite.__file__).parent
FLOORS = ["network data metrics", "training", "inference", "compare", "commands", "cli train __main__"]
FLOOR = {room: number for number, rooms in enumerate(FLOORS, start=1) for room in rooms.split()}
MODULES = sorted(ROOT.rglob("*.py"))
# What `unetlite --help` and a misspelt setting must not wait for.
HEAVY = {
    "torch",
    "lightning",
    "kornia",
    "torchmetrics",
    "scipy",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "openvino",
    "gradio",
}


def room(module: Path | str) -> str:
    """Of a file, or of a name such as unetlite.network.unet: its folder, or itself on the ground floor."""
    parts = module.relative_to(ROOT).with_suffix("").parts if isinstance(module, Path) else module.split(".")[1:]
    return parts[0] if parts else "__init__"


def imports(module: Path, *, at_once: bool = False) -> set[str]:
    """Names of what a module imports; `at_once` leaves out what its functions import when they are called."""
    found, nodes = set(), list(ast.parse(module.read_text()).body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if at_once and (typing_only or isinstance(node, ast.FunctionDef)):
            continue
        nodes += ast.iter_child_nodes(node)
    return found


def test_imports_run_downwards_only():
    upwards = [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in MODULES
        if module != ROOT / "__init__.py"  # the front door, which lends out names of all floors
        for name in imports(module)
        if name.startswith("unetlite.") and FLOOR.get(room(name), 0) > FLOOR.get(room(module), 0)
    ]
    assert upwards == []


def test_rooms_of_the_first_floor_know_nothing_of_one_another():
    crossing = [
        f"{module.relative_to(ROOT)} imports {name}"
        for module in MODULES
        if FLOOR.get(room(module)) == 1
        for name in imports(module)
        if name.startswith("unetlite.") and FLOOR.get(room(name)) == 1 and room(name) != room(module)
    ]
    assert crossing == []


@pytest.mark.parametrize(
    "files",
    [
        ["cli.py", "train.py"],  # until a command runs
        ["commands/predict.py", "inference/model.py", "inference/files.py"],  # by an export
    ],
)
def test_the_command_line_and_prediction_import_nothing_heavy(files):
    seen, waiting = set(), [ROOT / file for file in files]
    while waiting:
        module = waiting.pop()
        for name in imports(module, at_once=True) - seen:
            seen.add(name)
            assert name.split(".")[0] not in HEAVY, f"{module.relative_to(ROOT)} imports {name}"
            file = ROOT.joinpath(*name.split(".")[1:-1]).with_suffix(".py")
            if name.startswith("unetlite.") and file.exists():
                waiting.append(file)


def test_every_public_name_has_a_docstring():
    definitions = (ast.FunctionDef, ast.ClassDef)
    missing = [
        f"{module.relative_to(ROOT)}: {node.name}"
        for module in MODULES
        for node in ast.parse(module.read_text()).body
        if isinstance(node, definitions) and not node.name.startswith("_") and not ast.get_docstring(node)
    ]
    assert missing == []


def test_every_promise_names_tests_that_exist():
    text = (CHECKOUT / "docs" / "reliability.md").read_text(encoding="utf-8")
    promises = text[: text.index("## What is not promised")].split("\n- ")[1:]
    assert len(promises) > 15
    for promise in promises:
        named = re.findall(r"`(tests/\S+\.py)::(\w+)`", promise)
        assert named or "GPU" in promise, promise
        for file, name in named:
            assert f"def {name}(" in (CHECKOUT / file).read_text(encoding="utf-8"), name


@pytest.mark.parametrize("file", sorted((CHECKOUT / "benchmarks").glob("*.py")), ids=lambda file: file.stem)
def test_what_a_benchmark_imports_is_there(file):
    spec = importlib.util.spec_from_file_location(f"benchmark_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)  # fails if a name that it imports has moved
    assert any(callable(each) and each.__module__ == module.__name__ for each in vars(module).values())
