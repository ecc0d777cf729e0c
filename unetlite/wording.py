"""Words of sentences: plurals, lists of names, capital letters."""

from collections.abc import Sequence


def counted(count: int, noun: str) -> str:
    """Such as "1 image" or "3 images"."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def join_names(names: Sequence[str], word: str = "and") -> str:
    """Names in a sentence: "a, b and c"."""
    if len(names) == 1:
        return names[0]
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def list_first(entries: Sequence[object], most: int) -> str:
    """The first entries, such as "a, b, ...", or all if there are no more."""
    shown = [str(entry) for entry in entries[:most]]
    if len(entries) > most:
        shown.append("...")
    return ", ".join(shown)


def capitalised(text: str) -> str:
    """With a capital letter in front."""
    return text[0].upper() + text[1:]


def name_run(variant: str, seed: int) -> str:
    """Such as "nearest with seed 2"."""
    return f"{variant} with seed {seed}"
