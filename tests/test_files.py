"""Files are whole or absent, a full disk is named, and paths survive a shell."""

import errno
import shlex
import shutil
from collections import namedtuple

import pytest

from unetlite.errors import UsageError
from unetlite.exit_codes import cli_errors
from unetlite.files import atomic_path, name_full_disk, shell_path

FULL = OSError(errno.ENOSPC, "No space left on device")
Usage = namedtuple("Usage", ["total", "used", "free"])


def chained():
    error = RuntimeError("unexpected pos")
    error.__context__ = FULL
    return error


@pytest.mark.parametrize(
    ("error", "room"),
    [
        (FULL, 10**9),
        (OSError(errno.EFBIG, "File too large"), 10**9),
        (chained(), 10**9),
        (Exception("I/O error: No space left on device (os error 28)"), 10**9),
        (RuntimeError("iostream error"), 1000),
        (OSError("encoder error -2"), 1000),
    ],
)
def test_a_full_disk_ends_in_one_line_with_the_path(tmp_path, monkeypatch, capsys, error, room):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 0, room))
    path = tmp_path / "a.bin"

    def write():
        with cli_errors(), atomic_path(path) as partial:
            partial.write_bytes(b"half")
            raise error

    with pytest.raises(SystemExit) as end:
        write()
    assert end.value.code == 2
    message = capsys.readouterr().err
    assert message.startswith(f"error: {path}: ")
    assert "make room there" in message
    assert len(message.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error", [UsageError("a"), RuntimeError("b"), PermissionError(errno.EACCES, "c", "d")]
)
def test_other_errors_stay_what_they_are(tmp_path, error):
    with pytest.raises(type(error)) as caught, name_full_disk(tmp_path / "a"):
        raise error
    assert caught.value is error


def test_the_innermost_output_is_named(tmp_path):
    inner = OSError(errno.ENOSPC, "No space left on device", "inner")
    with pytest.raises(OSError, match="inner"), name_full_disk(tmp_path / "outer"):
        raise inner


@pytest.mark.parametrize("name", ["a b", "it's $HOME", "-x", "道路 [1]", "a"])
def test_a_path_is_one_word_of_a_shell(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    (word,) = shlex.split(shell_path(tmp_path / name))
    assert (tmp_path / word).resolve() == tmp_path / name
    assert not word.startswith("-")
