"""What is said of a release: the changelog's section of its version, and nothing else."""

from release_notes import find_notes, read_version

from unetlite.settings.paths import CHECKOUT

CHANGELOG = (
    "# Changelog\n\n## Unreleased\n\nc\n\n## 0.2.0 (2026)\n\nb\n\n### B\n\nb\n\n## 0.1.0\n\na\n"
)


def test_the_notes_are_those_of_the_version():
    assert find_notes(CHANGELOG, "0.2.0") == "b\n\n### B\n\nb"
    assert find_notes(CHANGELOG, "0.1.0") == "a"
    assert find_notes(CHANGELOG, "0.2") is None


def test_the_version_is_that_of_the_project():
    from importlib.metadata import version

    assert read_version((CHECKOUT / "pyproject.toml").read_text()) == version("unetlite")
