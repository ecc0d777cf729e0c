"""The hooks of mkdocs.yml: links to files of the repository work on the site as on GitHub."""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\]\((\.{1,2}/[^)\s#]*|[^)\s#:]+\.(?:py|ipynb))(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:
    """Turns links to other files than pages into links to the published repository.

    Raises PluginError if the file does not exist.
    """

    def published(match: re.Match[str]) -> str:
        folder = posixpath.dirname(f"docs/{page.file.src_uri}")
        path = posixpath.normpath(posixpath.join(folder, match[1]))
        if files.get_file_from_path(path.removeprefix("docs/")) and not path.endswith(
            (".py", ".ipynb")
        ):
            return match[0]
        if path.startswith("..") or not (ROOT / path).exists():
            raise PluginError(f"docs/{page.file.src_uri} links to {match[1]}, which is not there.")
        kind = "tree" if (ROOT / path).is_dir() else "blob"
        return f"]({config.repo_url}/{kind}/main/{path}{match[2] or ''})"

    if page.is_homepage:
        page.meta["hide"] = ["navigation"]  # it has no other entry
    return LINK.sub(published, markdown)
