"""The examples in the docstrings of the metrics run, and every metric has one."""

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["boundary", "counts", "overlap", "ripple"])
def test_examples_give_what_they_show(name):
    module = importlib.import_module(f"unetlite.metrics.{name}")
    failed, attempted = doctest.testmod(module)
    assert failed == 0
    assert attempted > 0
