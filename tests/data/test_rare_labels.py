"""Labels that look like slips."""

from unetlite.data.layouts.rare_labels import describe_rare_labels


def test_a_slip_is_named_and_a_common_label_never():
    labels_of = {f"{k}.json": {"dog", "cat", "car"} for k in range(9)}
    assert describe_rare_labels(labels_of, "file") == []
    labels_of["4.json"] = {"dgo"}
    labels_of["9.json"] = {"Cat", "zebra"}
    assert describe_rare_labels(labels_of, "file") == [
        "the label Cat is in 1 of 10 files (9.json), next to cat in 8; correct it if it is a slip",
        "the label dgo is in 1 of 10 files (4.json), next to dog in 8; correct it if it is a slip",
        "the label zebra is in 1 of 10 files (9.json)",
    ]


def test_many_rare_labels_are_counted():
    labels_of = {f"{k}.json": {f"{k}"} for k in range(50)}
    *notes, last = describe_rare_labels(labels_of, "file")
    assert len(notes) == 5
    assert last == "45 more labels in one or two files"
