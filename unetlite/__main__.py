"""`python -m unetlite` is the command `unetlite`."""

from unetlite.cli import app

app(prog_name="unetlite")
