"""Advice before training: from the evidence of other sets, and from costs."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from made_evidence import make_evidence

from unetlite.compare.across_sets import read_evidence
from unetlite.compare.advice import Advice, covers_network, first_advice, prediction_sentences
from unetlite.data.meta_features import MetaFeatures
from unetlite.judge.analysis import analyse
from unetlite.judge.scores import Scores
from unetlite.judge.verdict import Cost
from unetlite.settings.composition import compose_run

MS = {"transpose": 30.0, "nearest": 10.0, "carafe": 90.0}


def advise(evidence, margin=None):
    return Advice(evidence, Cost(MS, "ms", "the fastest"), margin)


def test_the_operator_that_leads_everywhere_is_taken_unless_a_margin_pays_for_speed():
    evidence = make_evidence(lead=0.03)
    advice = advise(evidence)
    assert advice.chosen == "carafe"
    first, fastest, directions, _ = advice.sentences(None)
    assert "carafe (90 ms)" in first
    assert "nearest (10 ms)" in fastest
    assert directions.endswith("better than transpose: carafe.")
    assert advise(evidence, margin=advice.bounds["nearest"]).chosen == "nearest"
    assert advise(evidence, margin=0.0).chosen == "carafe"  # none is within: the safest


def test_sets_that_disagree_say_nothing_and_training_does():
    advice = advise(make_evidence(lead=0.0, spread=0.03))
    _, directions, training = advice.sentences(20)[-3:]
    assert "every prediction interval holds 0" in directions
    assert "Training tells more" in training
    assert "20 groups" in training


def test_a_folder_like_a_set_is_near_and_another_is_not():
    evidence = make_evidence(0.0)
    assert evidence.nearest(MetaFeatures(2, 110, 256, 0.1, 0.2, 4, 2)).name == "set1"
    assert evidence.nearest(MetaFeatures(2, 110, 256, 0.1, 0.2, 4, 2)).is_near
    assert not evidence.nearest(MetaFeatures(2, 10**6, 256, 1.0, 0.2, 900, 2)).is_near


@pytest.mark.parametrize(("lead", "word"), [(0.0, "As 6"), (0.2, "Not as 6")])
def test_a_race_is_said_to_be_as_predicted_if_it_is(lead, word):
    random = np.random.default_rng(0)
    tables = {}
    for name, mean in (("transpose", 0.8), ("carafe", 0.8 + lead)):
        tables[name] = mean + 0.001 * random.standard_normal((3, 20))
    names = [str(number) for number in range(20)]
    scores = Scores(tables, [0, 1, 2], names, names)
    analysis = analyse(scores, "mean IoU", scores.by_run(), {})
    (sentence,) = prediction_sentences(analysis, make_evidence(0.0))
    assert sentence.startswith(word)


def test_missed_classes_speaks_of_its_network_only():
    evidence = make_evidence(0.0)
    stored = json.loads(json.dumps(asdict(compose_run([]).model)))
    assert covers_network(evidence, stored)
    assert not covers_network(evidence, asdict(compose_run(["model=classic"]).model))
    assert not covers_network(make_evidence(0.0, sets=2), asdict(compose_run([]).model))


def test_a_race_begins_with_two_lines_if_the_sets_speak_of_its_network():
    evidence = make_evidence(0.03)
    lines = first_advice(evidence, ["data.resize=64"])
    assert len(lines) == 2
    assert "carafe" in lines[0]
    assert max(map(len, lines)) <= 80
    assert first_advice(evidence, ["model=classic"]) == []


def test_the_evidence_in_the_package_is_whole():
    evidence = read_evidence()
    assert set(evidence.sets) == set(evidence.provenance["sets"])
    if evidence.is_enough:
        assert len(evidence.meta_features()) == len(evidence.sets)
        assert "transpose" in evidence.differences().variants
