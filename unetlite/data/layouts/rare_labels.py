"""Labels that look like slips: typed once or twice, beside a similar one that is typed often."""

from collections.abc import Mapping, Set
from difflib import get_close_matches

from unetlite.wording import counted

FEW_FILES = 2  # a label in more is no slip
MANY_FILES = 10  # from which on a label in one file alone is worth a note
SIMILAR = 0.6  # of difflib: two letters of three in common
MAX_NOTES = 5


def describe_rare_labels(labels_of: Mapping[str, Set[str]], noun: str) -> list[str]:
    """Notes on labels that few files have. `labels_of` are the labels by the name of a file."""
    files_of: dict[str, list[str]] = {}
    for name, labels in labels_of.items():
        for label in labels:
            files_of.setdefault(label, []).append(name)
    common = [label for label, files in files_of.items() if len(files) > FEW_FILES]
    notes = []
    for label in sorted(files_of.keys() - set(common)):
        files = files_of[label]
        similar = find_similar(label, common)
        if similar is None and (len(files) > 1 or len(labels_of) < MANY_FILES):
            continue
        place = f"{len(files)} of {counted(len(labels_of), noun)} ({files[0]})"
        note = f"the label {label} is in {place}"
        if similar is not None:
            note += f", next to {similar} in {len(files_of[similar])}; correct it if it is a slip"
        notes.append(note)
    more = len(notes) - MAX_NOTES
    if more > 0:
        notes[MAX_NOTES:] = [f"{counted(more, 'more label')} in one or two {noun}s"]
    return notes


def find_similar(label: str, others: list[str]) -> str | None:
    """The label among others that is most like one, whatever the case; None if none is."""
    folded = {other.casefold(): other for other in others}
    matches = get_close_matches(label.casefold(), folded, 1, SIMILAR)
    return folded[matches[0]] if matches else None
