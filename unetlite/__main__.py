"""`python -m unetlite` is the command `unetlite`."""

from unetlite.cli import app

if __name__ == "__main__":  # a worker process imports this module, too
    app(prog_name="unetlite")
