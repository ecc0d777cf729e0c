"""Signals that ask a program to end."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from unetlite.errors import Interrupted

STOP_SIGNALS = [signal.SIGINT, signal.SIGTERM]
if hasattr(signal, "SIGHUP"):  # not on Windows
    STOP_SIGNALS.append(signal.SIGHUP)


@contextmanager
def raise_on_signal(handler: Callable[[int, Any], None] | None = None) -> Iterator[None]:
    """In the block, a signal to stop raises Interrupted, or calls `handler(number, frame)`."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    previous = {}
    for number in STOP_SIGNALS:
        previous[number] = signal.signal(number, handler or raise_interrupted)
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


def raise_interrupted(number: int, frame: object) -> None:
    """The handler of a signal to stop."""
    raise Interrupted(number)
