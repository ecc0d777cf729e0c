"""Which mask belongs to which image, by the names of their files.

Names are relative to their folders, without the type, in Unicode NFC, as `list_images` gives them.
"""

from collections.abc import Callable, Iterable, Mapping
from difflib import SequenceMatcher
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from unetlite.data.image_files import IMAGE_SUFFIXES, nfc
from unetlite.data.layouts.base import Naming
from unetlite.errors import UsageError
from unetlite.settings.typed import format_setting

STEM = "{stem}"
SEPARATORS = "_-. "  # in names


class MaskNamesError(UsageError):
    """No mask has the name that is expected. `suggestions` are names that fit all images."""

    def __init__(self, message: str, suggestions: list[dict[str, str]]):
        super().__init__(message)
        self.suggestions = suggestions


class NamePattern(NamedTuple):
    """How files are called around what an image and its mask share, as in {stem}_mask.png."""

    prefix: str
    suffix: str
    type: str  # such as .png; empty for any

    @classmethod
    def parse(cls, text: str, key: str) -> "NamePattern":
        """Raises UsageError unless the text has {stem} once, and no folder."""
        if text.count(STEM) != 1 or "/" in text:
            raise UsageError(
                f"{key}={text}: expected the name of a file with {STEM} in it once, "
                f"such as {STEM}_mask.png."
            )
        path = PurePosixPath(nfc(text))
        type = path.suffix if path.suffix.lower() in IMAGE_SUFFIXES else ""
        prefix, _, suffix = nfc(text).removesuffix(type).partition(STEM)
        return cls(prefix, suffix, type)

    def stem(self, name: str) -> str | None:
        """What stands for {stem} in a name; None if the name is another."""
        folder, _, base = name.rpartition("/")
        rest = base.removeprefix(self.prefix).removesuffix(self.suffix)
        if self.prefix + rest + self.suffix != base or not rest:
            return None
        return f"{folder}/{rest}" if folder else rest

    def fill(self, stem: str) -> str:
        """The name with this {stem}."""
        folder, _, base = stem.rpartition("/")
        name = self.prefix + base + self.suffix
        return f"{folder}/{name}" if folder else name

    def text(self) -> str:
        """As it is written in the settings."""
        return self.prefix + STEM + self.suffix + self.type


Files = Mapping[str, Path]
Rule = Callable[[str, Path], Path | None]
"""The mask of an image by its name and file; None if there is none."""


def match_masks(
    images: Files,
    masks: Files,
    naming: Naming,
    folder: Path,
) -> dict[str, Path]:
    """The mask of each image, by the image's name.

    Without data.mask_name a mask has the name of its image (a.png), or that of the image's file
    (a.jpg.png), or either in another case. Raises MaskNamesError if an image has none.
    """
    matches: list[dict[str, Path]] = []
    for rule in mask_rules(masks, naming):
        match = apply_rule(rule, images)
        if len(set(match.values())) == len(images):
            return match
        if len(match) < len(images):
            matches.append(match)
    best = max(matches, key=len)
    missing = [path for name, path in images.items() if name not in best]
    raise missing_masks(
        missing,
        images,
        masks,
        naming,
        folder,
    )


def match_some_masks(images: Files, masks: Files, naming: Naming) -> dict[str, Path]:
    """The masks of those images that have one, by the images' names."""
    matches: dict[str, Path] = {}
    for rule in mask_rules(masks, naming):
        matches = {**apply_rule(rule, images), **matches}  # the first rule that has a mask counts
    return matches


def apply_rule(rule: Rule, images: Files) -> dict[str, Path]:
    """The masks that a rule finds, by the images' names."""
    matches = {}
    for name, path in images.items():
        mask = rule(nfc(name), path)
        if mask is not None:
            matches[name] = mask
    return matches


def mask_rules(masks: Files, naming: Naming) -> list[Rule]:
    """How the mask of an image is looked up, in the order in which it is tried."""
    if naming.mask_name is not None:
        mask_name = NamePattern.parse(naming.mask_name, "data.mask_name")
        image_name = NamePattern("", "", "")
        if naming.image_name is not None:
            image_name = NamePattern.parse(naming.image_name, "data.image_name")
        return [partial(mask_by_pattern, masks, image_name, mask_name)]
    if naming.image_name is not None:
        raise UsageError(
            f"data.image_name={naming.image_name} needs data.mask_name, too; "
            f"it says how the mask of such an image is called, as in {STEM}.png."
        )
    folded: dict[str, list[Path]] = {}
    for name, path in masks.items():
        folded.setdefault(name.casefold(), []).append(path)

    def in_another_case(name: str, path: Path) -> Path | None:
        paths = folded.get(name.casefold(), []) + folded.get(file_name(name, path).casefold(), [])
        return paths[0] if len(paths) == 1 else None

    return [
        lambda name, path: masks.get(name),
        lambda name, path: masks.get(file_name(name, path)),
        in_another_case,
    ]


def file_name(name: str, path: Path) -> str:
    """The name of an image with its type."""
    return name + path.suffix


def mask_by_pattern(
    masks: Files,
    image_name: NamePattern,
    mask_name: NamePattern,
    name: str,
    path: Path,
) -> Path | None:
    """The mask of an image by data.image_name and data.mask_name; None if there is none."""
    stem = image_name.stem(name)
    if stem is None or not has_type(path, image_name.type):
        return None
    mask = masks.get(mask_name.fill(stem))
    if mask is None or not has_type(mask, mask_name.type):
        return None
    return mask


def has_type(path: Path, type: str) -> bool:
    """True if a file is of a type, or if any will do."""
    return path.suffix.lower() == type.lower() or not type


def missing_masks(
    missing: list[Path],
    images: Files,
    masks: Files,
    naming: Naming,
    folder: Path,
) -> MaskNamesError:
    """The error for images without a mask, with names that fit all images instead."""
    more = f" and {len(missing) - 1} more have" if len(missing) > 1 else " has"
    expected = "one of the same name, of any type,"
    if naming.mask_name is not None:
        expected = f"one by {format_names(naming.image_name, naming.mask_name)}"
    message = f"{missing[0]}{more} no mask: expected {expected} in {folder}."
    if any(name.startswith("task-") and "-annotation-" in name for name in masks):
        message += (
            " Label Studio names these masks by the number of the task, which does not say the "
            "image. Put its JSON export, which holds the same labels, beside the images, and "
            "remove the masks; or write a pairs.csv with the columns image and mask."
        )
        return MaskNamesError(message, [])
    suggestions = suggest_names(images, masks)
    written = []
    for suggestion in suggestions:
        written.append(format_names(suggestion.get("image_name"), suggestion["mask_name"]))
    if written:
        message += f" Did you mean {' or '.join(written)} for all {len(images)}?"
    else:
        message += (
            f" Rename the masks, say by {format_names(None, '{stem}_mask.png')} how they are "
            "called, or write a pairs.csv with the columns image and mask."
        )
    return MaskNamesError(message, suggestions)


def format_names(image_name: str | None, mask_name: str) -> str:
    """Names of images and masks as they are typed."""
    words = []
    if image_name is not None:
        words.append(format_setting("data.image_name", image_name))
    words.append(format_setting("data.mask_name", mask_name))
    return " ".join(words)


def suggest_names(images: Files, masks: Files) -> list[dict[str, str]]:
    """data.image_name and data.mask_name that give each image a mask of its own.

    They keep as much of the images' names as possible; several are equally good.
    """
    if not images:
        return []
    first, *_ = images
    patterns = set()
    for mask in masks:
        if mask.rpartition("/")[0] == first.rpartition("/")[0]:
            patterns.add(common_patterns(first, mask))
    fitting = []
    for image_name, mask_name in sorted(patterns):
        stems = [image_name.stem(name) for name in images]
        if all(stem is not None and mask_name.fill(stem) in masks for stem in stems):
            removed = len(image_name.prefix + image_name.suffix)
            fitting.append((removed, image_name, mask_name, stems))
    least = min((removed for removed, *_ in fitting), default=0)
    suggestions = []
    for removed, image_name, mask_name, stems in fitting:
        if removed > least:
            continue
        image_name, mask_name = without_separators(image_name, mask_name, stems)
        matched = [masks[mask_name.fill(image_name.stem(name) or "")] for name in images]
        mask_name = mask_name._replace(type=common_type(matched))
        suggestion = {"mask_name": mask_name.text()}
        if image_name.text() != STEM:
            image_name = image_name._replace(type=common_type(images.values()))
            suggestion["image_name"] = image_name.text()
        suggestions.append(suggestion)
    return suggestions


def common_patterns(image: str, mask: str) -> tuple[NamePattern, NamePattern]:
    """Patterns whose {stem} is the longest part that two names have in common."""
    image = image.rpartition("/")[2]
    mask = mask.rpartition("/")[2]
    block = SequenceMatcher(
        None,
        image,
        mask,
        autojunk=False,
    ).find_longest_match()
    image_name = NamePattern(image[: block.a], image[block.a + block.size :], "")
    mask_name = NamePattern(mask[: block.b], mask[block.b + block.size :], "")
    return image_name, mask_name


def without_separators(
    image_name: NamePattern,
    mask_name: NamePattern,
    stems: Iterable[str | None],
) -> tuple[NamePattern, NamePattern]:
    """Patterns whose {stem} neither begins nor ends with a separator, if all of them do.

    So image{stem}.png with the stems _0 and _1 becomes image_{stem}.png.
    """
    bases = [(stem or "").rpartition("/")[2] for stem in stems]
    if min(map(len, bases)) < 2:
        return image_name, mask_name
    first = bases[0][0]
    last = bases[0][-1]
    starts_alike = first in SEPARATORS and all(base.startswith(first) for base in bases)
    if starts_alike and (image_name.prefix or mask_name.prefix):
        image_name = image_name._replace(prefix=image_name.prefix + first)
        mask_name = mask_name._replace(prefix=mask_name.prefix + first)
    ends_alike = last in SEPARATORS and all(base.endswith(last) for base in bases)
    if ends_alike and image_name.suffix and mask_name.suffix:
        image_name = image_name._replace(suffix=last + image_name.suffix)
        mask_name = mask_name._replace(suffix=last + mask_name.suffix)
    return image_name, mask_name


def common_type(paths: Iterable[Path]) -> str:
    """The type that all files have, such as .png; empty if they differ."""
    types = {path.suffix for path in paths}
    return types.pop() if len(types) == 1 else ""
