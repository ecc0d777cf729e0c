"""The record of a race, of this version and of earlier ones."""

import json

import pytest

from unetlite.compare.race_record import RaceRecord, read_race
from unetlite.errors import UsageError

PLAN = {"by": "upsample", "variants": ["a", "b", "c"], "seeds": 5}
INTERIM = {"seeds": 3, "candidates": ["a", "b"], "regret": {"a": 0.1, "b": 0.1, "c": 0.2}}


def test_a_record_knows_who_is_in_the_race_and_until_when():
    record = RaceRecord(PLAN)
    assert (record.racing, record.next_seeds) == (["a", "b", "c"], 3)
    record.interims.append(INTERIM)
    assert (record.racing, record.next_seeds) == (["a", "b"], 5)
    record.interims.append({**INTERIM, "seeds": 5})
    assert record.next_seeds == 5  # no other is planned


def test_a_record_of_an_earlier_version_is_read_as_a_new_one(tmp_path):
    assert read_race(tmp_path) is None
    content = {"plan": PLAN, "interims": [INTERIM], "ended": None, "seconds": 2.0}
    (tmp_path / "race.json").write_text(json.dumps(content))
    new = read_race(tmp_path)
    content["looks"] = content.pop("interims")
    content["plan"] = {**PLAN, "variants": {name: [f"upsample={name}"] for name in "abc"}}
    (tmp_path / "race.json").write_text(json.dumps(content))
    assert read_race(tmp_path) == new == RaceRecord(PLAN, [INTERIM], None, 2.0)


@pytest.mark.parametrize("text", ["{", "[]", '{"plan": {}, "ended": null, "seconds": 1}'])
def test_a_damaged_record_is_refused_with_the_remedy(tmp_path, text):
    (tmp_path / "race.json").write_text(text)
    with pytest.raises(UsageError, match=r"damaged.*no training is lost"):
        read_race(tmp_path)
