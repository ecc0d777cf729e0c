"""Names of variants."""

import pytest

from unetlite.compare.variant_names import name_variants
from unetlite.errors import UsageError

VARIANTS = ("bilinear", "transpose")


def test_variants_are_named_by_what_distinguishes_them():
    operators = [
        {"name": "transpose", "kernel_size": 2},
        {"name": "transpose", "kernel_size": 4},
        {"name": "zeros"},
    ]
    configs = []
    for number, operator in enumerate(operators):
        configs.append({"upsample": operator, "model": {"norm": "batch", "skip": number}})
    assert name_variants(configs, "upsample") == [
        "transpose (kernel_size=2)",
        "transpose (kernel_size=4)",
        "zeros",
    ]
    assert name_variants(configs, "upsample.name") == ["transpose", "transpose", "zeros"]
    assert name_variants(configs, "model") == ["skip=0", "skip=1", "skip=2"]
    with pytest.raises(UsageError, match="no such key"):
        name_variants(configs, "upsampling")
