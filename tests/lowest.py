"""The lowest versions that pyproject.toml allows, as constraints for pip.

python tests/lowest.py > constraints.txt
"""

import re
from pathlib import Path

text = (
    (Path(__file__).parents[1] / "pyproject.toml")
    .read_text()
    .partition("dependencies = [")[2]
    .partition("dev = [")[0]
)
for name, version in re.findall(r'"([a-zA-Z0-9_-]+)(?:\[\w+\])?>=([\d.]+)', text):
    print(f"{name}=={version}")
