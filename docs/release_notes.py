"""The notes of this version, from the changelog: `python docs/release_notes.py`.

The section of CHANGELOG.md whose title begins with the version of pyproject.toml. Without one there
is nothing to release, and the exit code is 1.
"""

import re
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]


def read_version(project: str) -> str:
    """The version in the text of pyproject.toml."""
    (version,) = re.findall(r'^version = "(.+)"$', project, flags=re.MULTILINE)
    return version


def find_notes(changelog: str, version: str) -> str | None:
    """What the changelog says of a version, without its title; None if it has no such section."""
    for section in re.split(r"^## ", changelog, flags=re.MULTILINE)[1:]:
        title, _, notes = section.partition("\n")
        if title.split()[0] == version:
            return notes.strip()
    return None


def main() -> None:
    version = read_version((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))
    notes = find_notes((CHECKOUT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    if notes is None:
        sys.exit(f"CHANGELOG.md has no section of version {version}: rename Unreleased to it")
    print(notes)


if __name__ == "__main__":
    main()
