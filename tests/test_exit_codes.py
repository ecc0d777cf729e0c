"""How a command ends: a signal to stop counts before what fails on the way out."""

import errno
import signal
import sys

import pytest

from unetlite.errors import Interrupted
from unetlite.exit_codes import cli_errors, print_unexpected
from unetlite.signals import raise_on_signal


class GoneTerminal:
    """A stream whose terminal was closed."""

    def write(self, text):
        raise OSError(errno.EIO, "Input/output error")

    def flush(self):
        self.write("")


def stop_and_print():
    """A signal to stop, and a progress bar that is cleared on the way out."""
    try:
        signal.getsignal(signal.SIGTERM)(signal.SIGTERM, None)
    finally:
        print("100 %", file=sys.stderr, flush=True)


def test_a_signal_is_the_end_where_the_terminal_is_gone(monkeypatch):
    monkeypatch.setattr(sys, "stderr", GoneTerminal())
    with pytest.raises(SystemExit) as ended, cli_errors():
        stop_and_print()
    assert ended.value.code == 128 + signal.SIGTERM


def test_a_signal_in_a_run_ends_its_sweep(monkeypatch):
    # Hydra starts the next run of a sweep after an Exception; Interrupted is none.
    monkeypatch.setattr(sys, "stderr", GoneTerminal())
    with raise_on_signal(), pytest.raises(Interrupted), print_unexpected():
        stop_and_print()
