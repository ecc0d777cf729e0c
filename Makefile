# Three commands for a start: `make demo` opens a page with trained networks, `make train` trains one, `make test` runs the
# tests. All is installed into .venv.
PYTHON ?= python3
BIN = .venv/bin

# uv, where it is installed, does what pip does, faster.
INSTALL = $(if $(shell command -v uv),uv pip install --python $(BIN)/python,$(BIN)/python -m pip install)

# On Linux, pip takes PyTorch's build for NVIDIA's GPUs (6 GB installed). Where there is no such GPU, the build for
# processors (1.4 GB) is tried first, with torchvision of the same build, which timm needs; where its index cannot be
# reached, pip goes on with what it has.
CPU_INDEX = https://download.pytorch.org/whl/cpu
REACHED = $(PYTHON) -c "import urllib.request as r; r.urlopen('$(CPU_INDEX)/torch/', timeout=5)" 2>/dev/null
NEEDS_CPU_BUILD = test "$$(uname -s)" = Linux && ! command -v nvidia-smi >/dev/null && $(REACHED)

.PHONY: demo train test faults check docs record lowest release install

demo: .venv/installed
	$(INSTALL) -e ".[demo,encoders]"
	$(BIN)/unetlite demo

train: .venv/installed
	$(BIN)/python train.py upsample=transpose

test: .venv/developer
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

# More of what the tests do a little of: kills, settings, damaged files, three minutes; then 50 races with a fault, half an
# hour on idle cores.
faults: .venv/developer
	UNETLITE_SEED=$${UNETLITE_SEED:-$$(date +%s)} UNETLITE_KILLS=100 UNETLITE_OVERRIDES=200 UNETLITE_MUTANTS=2000 $(BIN)/python -m pytest -v tests/faults
	PYTHONPATH=tests:tests/faults $(BIN)/python tests/faults/races.py 50

check: .venv/developer
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --site-dir build/site

# The pages, on this machine: http://127.0.0.1:8000, built anew when one is saved.
docs: .venv/developer
	$(BIN)/mkdocs serve

# A line of speed ratios, appended to outputs/performance.jsonl; a minute.
record: .venv/developer
	$(BIN)/python benchmarks/record.py

# The lowest versions that pyproject.toml allows, in an environment of their own.
lowest:
	$(PYTHON) -m venv .venv-lowest
	$(PYTHON) tests/lowest.py > .venv-lowest/constraints.txt
	.venv-lowest/bin/python -m pip install -c .venv-lowest/constraints.txt -e . pytest hypothesis
	.venv-lowest/bin/python -m pytest tests/network tests/data tests/metrics tests/training

# Wheel and source in dist/, checked and tried in an empty environment, with the notes of this version.
release: .venv/developer
	rm -rf dist && mkdir -p build
	$(BIN)/python docs/release_notes.py > build/notes.md
	$(INSTALL) build twine
	$(BIN)/python -m build
	$(BIN)/python -m twine check --strict dist/*
	$(BIN)/python -m pytest tests/test_wheel.py
	mv build/notes.md dist/notes.md
	ls -l dist

install: .venv/developer

.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	if $(NEEDS_CPU_BUILD); then $(INSTALL) torch torchvision --index-url $(CPU_INDEX); fi
	$(INSTALL) -e .
	touch $@

.venv/developer: .venv/installed
	$(INSTALL) -e ".[dev]"
	touch $@
