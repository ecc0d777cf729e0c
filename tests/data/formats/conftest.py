"""Files that are damaged."""

import numpy as np
import pytest

from unetlite.errors import UsageError


@pytest.fixture
def damage():
    return read_damaged


def read_damaged(path, read):
    """The messages of reading a file with bytes changed at random, a hundred times."""
    random = np.random.default_rng(0)
    content = path.read_bytes()
    messages = []
    for _ in range(100):
        changed = bytearray(content)
        for place in random.integers(0, min(400, len(content)), random.integers(1, 6)):
            changed[place] = random.integers(0, 256)
        if random.random() < 0.3:
            del changed[random.integers(1, len(changed)) :]
        path.write_bytes(changed)
        try:
            read()
        except UsageError as error:
            messages.append(str(error))
    assert all(path.name in message and "\n" not in message for message in messages)
    return messages
