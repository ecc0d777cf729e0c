"""Classes of a folder whose layout names its labels, and what data.classes makes of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from unetlite.data.image_files import nfc
from unetlite.data.labels import FOREGROUND, ClassTable, Value, parse_ignored
from unetlite.data.layouts.base import Layout
from unetlite.errors import UsageError

Labels = Mapping[str, Any]
"""Mask values by label, of a layout."""


def make_table(classes: Any, ignore: Any, content: Layout) -> ClassTable:
    """The classes of the settings, or else of the layout, and the values that either ignores.

    Of the layout's ignored values only those of the same kind count, greys or colours, that no
    class has. Raises UsageError if the settings name a label that the layout does not have.
    """
    labels = label_values(content)
    ignored = resolve_ignored(ignore, labels)
    origin = "data.classes"
    if classes is None and labels:
        origin = content.classes_from
        classes = {name: value for name, value in labels.items() if as_value(value) not in ignored}
    elif classes != FOREGROUND and labels:
        classes = match_labels(classes, labels, content)
    names = {as_value(value): name for name, value in labels.items()}
    make = partial(ClassTable, classes, origin=origin, labels=names)
    table = make(ignored)
    more = []
    for value in content.ignore:
        same_kind = isinstance(value, tuple) == table.rgb
        is_free = value not in table.values and value not in table.ignored
        if same_kind and is_free:
            more.append(value)
    return make([*table.ignored, *more])


def label_values(content: Layout) -> dict[str, Any]:
    """The mask values of a layout's labels; none if it does not name any.

    Raises UsageError if two have one name.
    """
    if content.classes is None:
        return {}
    classes = content.classes
    if not isinstance(classes, Mapping):
        check_names(classes, content.classes_from)
        classes = {name: value for value, name in enumerate(classes)}
    return {nfc(name): value for name, value in classes.items()}


def check_names(names: Sequence[str], origin: str) -> None:
    """Raises UsageError if a label is there twice."""
    for name, count in Counter(names).items():
        if count > 1:
            raise UsageError(f"{origin} has two labels {name}; give them different names.")


def match_labels(classes: Any, labels: Labels, content: Layout) -> Any:
    """data.classes with mask values: a list [label, ...], or a table {name: label, ...}.

    For mask files a table may also give values. Raises UsageError for a label that the layout does
    not have, or a value that is not that of the label.
    """
    if isinstance(classes, Mapping):
        values = {}
        for name, label in classes.items():
            if not isinstance(label, str):
                check_number(str(name), label, labels, content)
            values[name] = find_label(label, labels, f"data.classes.{name}")
        return values
    if isinstance(classes, (str, int)) or len(set(classes)) < len(classes):
        return classes  # for ClassTable to refuse
    return {name: find_label(str(name), labels, "data.classes") for name in classes}


def check_number(
    name: str,
    value: Any,
    labels: Labels,
    content: Layout,
) -> None:
    """Raises UsageError for a value where outlines have none, or that is not the label's."""
    known = labels.get(nfc(name), value)
    if content.is_drawn():
        raise UsageError(
            f"data.classes.{name}={value}: outlines have labels and no values; expected one of "
            f"{', '.join(labels)}, such as 'data.classes={{new name: label, ...}}'."
        )
    if as_value(known) != as_value(value):
        raise UsageError(
            f"data.classes.{name}={value}, but {content.classes_from} says {known}; correct one "
            "of them, or give the class another name."
        )


def find_label(label: Any, labels: Labels, key: str) -> Any:
    """The mask value of a label. What is no text is a value itself. Raises UsageError."""
    if not isinstance(label, str) or not labels:
        return label
    if nfc(label) not in labels:
        raise UsageError(
            f"{key}: no label of the folder is called {label}; it has {', '.join(labels)}. "
            "Correct it, or give a label another name by 'data.classes={new name: label, ...}'."
        )
    return labels[nfc(label)]


def resolve_ignored(ignore: Any, labels: Labels) -> list[Value]:
    """The mask values of data.ignore, which are values or labels. Raises UsageError."""
    if isinstance(ignore, str):
        ignore = [ignore]
    if isinstance(ignore, Sequence):
        ignore = [find_label(each, labels, "data.ignore") for each in ignore]
    return parse_ignored(ignore)


def as_value(value: Any) -> Value:
    """A mask value as masks hold it."""
    return tuple(value) if isinstance(value, list) else value
