"""The process that forks, one for all tests of this folder."""

import pytest
from server import Server


@pytest.fixture(scope="session")
def server():
    server = Server()
    yield server
    server.close()
