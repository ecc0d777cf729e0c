"""Mistakes that a user can mend, and how they are told."""

import os
import sys
from collections.abc import Callable
from typing import Any

EXIT_CODE = 2


class UsageError(Exception):
    """A mistake in what was asked for. The message gives the value, what was expected and the remedy."""


def tell_mistakes(main: Callable[[], Any]) -> None:
    """Runs a Hydra program so that a user's mistake ends in one line on stderr and exit code 2, without a traceback.

    Any other exception is a defect of the program and keeps its traceback; with HYDRA_FULL_ERROR=1 every one does.
    """
    from hydra.errors import HydraException, MissingConfigException
    from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        main()
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that Hydra passes exceptions on, instead of exiting with code 1
    try:
        main()
    except UsageError as error:
        message = str(error)
    except MissingConfigException as error:
        group, _, name = (error.missing_cfg_file or "").rpartition("/")
        if not error.options:
            raise
        message = f"{group}={name} is not known; choose one of {', '.join(error.options)}."
    except MissingMandatoryValue as error:
        message = f"{error.full_key} has no value; give {error.full_key}=..."
    except (HydraException, OmegaConfBaseException) as error:
        message = " ".join(str(error).split())
    else:
        return
    print(f"error: {message}", file=sys.stderr)
    sys.exit(EXIT_CODE)
