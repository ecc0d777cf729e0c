"""The process that forks, one for all tests of this folder."""

import pytest
from server import SEED, Server


def pytest_report_header():
    return f"UNETLITE_SEED={SEED}"


@pytest.fixture(scope="session")
def server():
    server = Server()
    yield server
    server.close()
