"""A page of gradio on this machine. Nothing of it comes from the internet."""

import os
import socket

import gradio

from unetlite.commands.arithmetic_page.page import TEMPLATES
from unetlite.errors import UsageError


def new_page() -> gradio.Blocks:
    """A page to fill, which reports to nobody."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    return gradio.Blocks(title="unetlite", analytics_enabled=False, delete_cache=(3600, 3600))


def launch(
    page: gradio.Blocks,
    host: str,
    port: int | None,
    max_upload: str = "100mb",
) -> str:
    """Serves a page, and returns its address. Without a port, it is the first that is free.

    Raises UsageError if it cannot listen there.
    """
    theme = gradio.themes.Default(  # with the system's fonts
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    try:
        _, address, _ = page.launch(
            server_name=host,
            server_port=port,
            share=False,
            quiet=True,
            prevent_thread_lock=True,
            footer_links=[],
            ssr_mode=False,
            theme=theme,
            css_paths=[TEMPLATES / "arithmetic.css", TEMPLATES / "models.css"],
            max_file_size=max_upload,
        )
    except OSError:
        raise UsageError(listening_message(host, port)) from None
    return str(address)


def listening_message(host: str, port: int | None) -> str:
    """Why a page cannot listen on an address, and what to do."""
    if port is None:
        return f"no port of {host} from 7860 on is free; name one by --port N."
    if port_is_taken(host, port):
        return f"--port {port} is taken by another program; name another one by --port N."
    return f"cannot listen on {host}:{port}; name an address of this machine, or another --port N."


def port_is_taken(host: str, port: int) -> bool:
    """True if something listens there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def serve(page: gradio.Blocks, host: str, port: int | None, shows: str) -> None:
    """Serves a page until Ctrl+C, and prints what it shows and its address."""
    address = launch(page, host, port)
    print(f"{shows}: {address}   (Ctrl+C ends it)", flush=True)
    page.block_thread()
