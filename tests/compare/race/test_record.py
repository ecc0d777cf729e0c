"""The record of a race, of this version and of earlier ones."""

import json

import pytest

from unetlite.compare.race.record import Interim, RacePlan, RaceRecord, read_race
from unetlite.errors import UsageError

PLAN = {"by": "upsample", "variants": ["a", "b", "c"], "seeds": 5}
INTERIM = {"seeds": 3, "candidates": ["a", "b"], "regret": {"a": 0.1, "b": 0.1, "c": 0.2}}


def test_a_record_knows_who_is_in_the_race_and_until_when():
    record = RaceRecord(RacePlan(**PLAN))
    assert (record.racing, record.next_seeds) == (["a", "b", "c"], 3)
    record.interims.append(Interim(**INTERIM))
    assert (record.racing, record.next_seeds) == (["a", "b"], 5)
    record.interims.append(Interim(5, ["a", "b"], {"a": 0.1, "b": 0.1}))
    assert record.next_seeds == 5  # no other is planned


def test_a_record_of_an_earlier_version_is_read_as_a_new_one(tmp_path):
    assert read_race(tmp_path) is None
    content = {"plan": PLAN, "interims": [INTERIM], "ended": None, "seconds": 2.0}
    (tmp_path / "race.json").write_text(json.dumps(content))
    new = read_race(tmp_path)
    content["looks"] = content.pop("interims")
    content["plan"] = {**PLAN, "variants": {name: [f"upsample={name}"] for name in "abc"}}
    (tmp_path / "race.json").write_text(json.dumps(content))
    expected = RaceRecord(RacePlan(**PLAN), [Interim(**INTERIM)], None, 2.0)
    assert read_race(tmp_path) == new == expected


@pytest.mark.parametrize("text", ["{", "[]", '{"plan": {}, "ended": null, "seconds": 1}'])
def test_a_damaged_record_is_refused_with_the_remedy(tmp_path, text):
    (tmp_path / "race.json").write_text(text)
    with pytest.raises(UsageError, match=r"damaged.*no training is lost"):
        read_race(tmp_path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seconds": "1"}, "seconds=1"),
        ({"plan": {**PLAN, "seeds": 4}}, "seeds=4"),
        ({"plan": {**PLAN, "margin": float("inf")}}, "margin"),
        ({"plan": {**PLAN, "variants": ["a", "a", "b"]}}, "two or more different"),
        ({"interims": [{"seeds": 3, "regret": INTERIM["regret"]}]}, "candidates has no value"),
        ({"interims": [{**INTERIM, "candidates": ["a", "d"]}]}, "no candidates"),
        ({"interims": [{**INTERIM, "candidates": []}]}, "no candidates"),
        ({"interims": [{**INTERIM, "candidates": ["a"]}]}, "goes on with"),
        ({"interims": [{**INTERIM, "regret": {"a": 0.1}}]}, "analysed others"),
        ({"interims": [INTERIM, {**INTERIM, "seeds": 5}]}, "analysed others"),
        ({"interims": [{**INTERIM, "regret": {**INTERIM["regret"], "a": float("nan")}}]}, "a=nan"),
    ],
)
def test_a_record_that_no_race_writes_is_refused_with_the_reason(tmp_path, changes, reason):
    content = {"plan": PLAN, "interims": [INTERIM], "ended": None, "seconds": 2.0, **changes}
    (tmp_path / "race.json").write_text(json.dumps(content))
    with pytest.raises(UsageError, match=rf"race\.json is damaged \(.*{reason}"):
        read_race(tmp_path)
