"""The code layout: imports run downwards only, and heavy ones wait until they are needed."""

import ast
import importlib.util
import re
from pathlib import Path

import pytest

import unetlite
from unetlite.settings.paths import CHECKOUT

ROOT = Path(unetlite.__file__).parent
FLOORS = [
    "classes device errors exit_codes files registry seeding signals tables terminal threads "
    "timing validation visualize wording",
    "settings checkpoint run_directory",
    "arithmetic data judge metrics network",
    "training",
    "inference scheduling",
    "compare",
    "commands cli __main__",
]
FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms.split()}
FRONT_DOOR = ROOT / "__init__.py"  # lends out names of all floors
MODULES = sorted(set(ROOT.rglob("*.py")) - {FRONT_DOOR})
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


def name_of(module: Path) -> str:
    """The dotted name of a file, such as unetlite.network.unet."""
    parts = module.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def room(name: str) -> str:
    """The folder of a module, or the module itself on the floors without folders."""
    return name.split(".")[1]


def imports(module: Path, *, at_once: bool = False) -> set[str]:
    """Modules of the package, and others, that a file imports.

    `at_once` leaves out what its functions import when they are called.
    """
    names, nodes = set(), list(ast.parse(module.read_text(encoding="utf-8")).body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                names.add(full if file_of(full) else node.module)
        typing_only = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if at_once and (typing_only or isinstance(node, ast.FunctionDef)):
            continue
        nodes += ast.iter_child_nodes(node)
    return names


def file_of(name: str) -> Path | None:
    """The file of a module of the package; None for others."""
    path = ROOT.parent.joinpath(*name.split("."))
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if name.startswith("unetlite.") and file.exists():
            return file
    return None


def package_imports(module: Path) -> set[str]:
    return {name for name in imports(module) if name.startswith("unetlite.")}


def test_every_module_has_a_floor():
    rooms = {room(name_of(module)) for module in MODULES}
    assert rooms == set(FLOOR)


def test_imports_run_downwards_only():
    upwards = []
    for module in MODULES:
        floor = FLOOR[room(name_of(module))]
        for name in package_imports(module):
            if FLOOR[room(name)] > floor:
                upwards.append(f"{name_of(module)} imports {name}")
    assert upwards == []


def test_rooms_of_one_floor_know_nothing_of_one_another():
    crossing = []
    for module in MODULES:
        own = room(name_of(module))
        for name in package_imports(module):
            same_floor = room(name) != own and FLOOR[room(name)] == FLOOR[own]
            if same_floor and FLOOR[own] in (2, 4):
                crossing.append(f"{name_of(module)} imports {name}")
    assert crossing == []


def test_no_modules_import_one_another_in_a_circle():
    waiting = {name_of(module): package_imports(module) for module in MODULES}
    while waiting:
        free = {name for name, needed in waiting.items() if not needed & (waiting.keys() - {name})}
        assert free, f"a circle among {sorted(waiting)}"
        for name in free:
            del waiting[name]


def test_commands_do_not_import_one_another():
    command_line = ROOT / "cli.py"
    commands = {name for name in package_imports(command_line) if room(name) == "commands"}
    assert len(commands) > 10
    for module in set(MODULES) - {command_line}:
        assert package_imports(module).isdisjoint(commands), module


@pytest.mark.parametrize("package", ["compare", "compare/planning", "compare/levers"])
def test_the_map_of_a_package_has_its_modules_and_packages(package):
    text = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
    named = re.findall(r"\w+", ast.get_docstring(ast.parse(text)))
    inside = [path.stem for path in (ROOT / package).glob("*.py") if path.stem != "__init__"]
    inside += [path.parent.name for path in (ROOT / package).glob("*/__init__.py")]
    assert set(inside) <= set(named), set(inside) - set(named)


def test_the_judge_knows_numpy_and_scipy_only():
    for module in (ROOT / "judge").glob("*.py"):
        for name in imports(module):
            assert (
                room(name) in ("judge", "errors", "tables", "wording")
                if name.startswith("unetlite.")
                else True
            ), name
            assert name.split(".")[0] not in HEAVY - {"scipy"}, f"{module} imports {name}"


@pytest.mark.parametrize(
    "files",
    [
        ["cli.py", "commands/train.py"],  # until a command runs
        ["commands/predict.py", "inference/model.py", "inference/runtimes/onnx.py"],  # by an export
    ],
)
def test_the_command_line_and_prediction_import_nothing_heavy(files):
    seen, waiting = set(), [ROOT / file for file in files]
    while waiting:
        module = waiting.pop()
        for name in imports(module, at_once=True) - seen:
            seen.add(name)
            assert name.split(".")[0] not in HEAVY, f"{module.relative_to(ROOT)} imports {name}"
            file = file_of(name)
            if file:
                waiting.append(file)


def test_every_folder_is_packaged():
    text = (CHECKOUT / "pyproject.toml").read_text(encoding="utf-8")
    for file in ROOT.rglob("__init__.py"):
        name = ".".join(file.parent.relative_to(ROOT.parent).parts)
        assert f'"{name}",' in text, name


def test_every_public_name_has_a_docstring():
    definitions = (ast.FunctionDef, ast.ClassDef)
    missing = [
        f"{module.relative_to(ROOT)}: {node.name}"
        for module in MODULES
        for node in ast.parse(module.read_text()).body
        if isinstance(node, definitions)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
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


@pytest.mark.parametrize(
    "file", sorted((CHECKOUT / "benchmarks").glob("*.py")), ids=lambda file: file.stem
)
def test_what_a_benchmark_imports_is_there(file):
    spec = importlib.util.spec_from_file_location(f"benchmark_{file.stem}", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)  # fails if a name that it imports has moved
    assert any(
        callable(each) and each.__module__ == module.__name__ for each in vars(module).values()
    )
