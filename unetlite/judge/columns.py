"""Which column of a table is what: by options, or by names that leave no doubt."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from unetlite.errors import UsageError
from unetlite.judge.tables import Table

LOWER_IS_BETTER = {
    "loss", "error", "err", "mae", "mse", "rmse", "hd", "hd95", "hausdorff", "distance", "asd",
    "assd", "masd", "ece", "nll", "lpips", "fid", "perplexity",
}  # fmt: skip
"""Words in the name of a score that is an error, or may be one."""

DISTANCES = {"mae", "mse", "rmse", "hd", "hd95", "hausdorff", "asd", "assd", "masd", "ece",
             "lpips", "fid"}  # fmt: skip
"""Words in the name of an error that cannot be less than 0."""

SHARES = {
    "dice", "dsc", "iou", "miou", "jaccard", "f1", "accuracy", "precision", "recall", "sensitivity",
    "specificity", "auc", "map", "nsd",
}  # fmt: skip
"""Words in the name of a score between 0 and 1, or in percent."""

SIGNED = {"mcc", "kappa", "correlation", "ssim"}
"""Words in the name of a score between -1 and 1."""

UNLIMITED = {"psnr", "snr", "likelihood", "r2", "neg", "gain", "delta", "change", "difference"}
"""Words in the name of a score that has no limits."""

KNOWN_NAMES = {
    "variant": {
        "variant", "model", "method", "network", "architecture", "operator", "upsample",
        "upsampling", "decoder", "algorithm",
    },
    "seed": {"seed", "run", "trial", "repeat", "repetition", "random_seed", "random_state"},
    "unit": {
        "unit", "image", "image_id", "image_name", "case", "case_id", "file", "filename",
        "file_name", "sample", "slice",
    },
    "group": {"group", "patient", "patient_id", "subject", "subject_id", "video"},
    "score": {
        "score", "mean_dice", "mean_iou", "psnr", "ssim", *SHARES, *LOWER_IS_BETTER,
    },
    "cost": {"cost"},
}  # fmt: skip
"""Names by which a column is recognised, in small letters, with _ for spaces and hyphens."""

NO_VARIANTS = {
    "", "class", "epoch", "fold", "id", "index", "label", "latency", "mean", "metric", "ms", "name",
    "params", "parameters", "seconds", "split", "std", "step", "steps", "time", "unnamed",
}  # fmt: skip
"""Other words in names of columns that are no variants of a wide table."""

TWO_LAYOUTS = (
    "give --variant COLUMN and --score COLUMN for a table with a row for each score, or "
    "--variant A,B,... for one with a column of scores for each variant"
)


@dataclass(frozen=True)
class Columns:
    """The names of columns. A wide table has a column of scores for each variant."""

    seed: str | None
    unit: str | None
    group: str | None
    variant: str | None = None  # of a long table, with `score`
    score: str | None = None
    cost: str | None = None
    wide: tuple[str, ...] = ()  # the variants

    @property
    def title(self) -> str:
        """What the scores are called in sentences."""
        if self.score is None or self.score.casefold() == "score":
            return "the score"
        return self.score

    def score_is(self, kind: set[str]) -> bool:
        """True if the name of the score has a word of a kind, such as SHARES."""
        return not kind.isdisjoint(words_of(self.score or ""))

    @property
    def used(self) -> dict[str, str]:
        """The columns that are read, by what they hold."""
        columns = {}
        for role in KNOWN_NAMES:
            column = getattr(self, role)
            if column is not None:
                columns[role] = column
        return columns

    def unused(self, table: Table) -> list[str]:
        """The columns that are not read."""
        read = {*self.used.values(), *self.wide}
        return [column for column in table.columns if column not in read]

    def reading(self, table: Table) -> str:
        """How the table is read, in a line."""
        parts = [f"{role} = {column}" for role, column in self.used.items()]
        if self.wide:
            parts.insert(0, f"variants = the columns {', '.join(self.wide)}")
        unused = [column for column in self.unused(table) if column]
        if unused:
            parts.append(f"not used: {', '.join(unused)}")
        return "; ".join(parts)


def find_columns(table: Table, options: Mapping[str, str | None]) -> Columns:
    """The columns of a table, by the options variant, seed, unit, group, score and cost.

    Those that are left out are guessed where one name fits. Raises UsageError where several or
    none do.
    """
    typed = {role: option for role, option in options.items() if option is not None}
    variant = typed.get("variant", "")
    variants = None  # of a wide table
    if "," in variant and variant not in table.columns:
        del typed["variant"]
        variants = [
            match_column(table, f"--variant {variant}", name) for name in variant.split(",")
        ]
    named = {role: match_column(table, f"--{role} {name}", name) for role, name in typed.items()}
    check_distinct(named)
    by_role: dict[str, str | None] = dict(named)
    for role in KNOWN_NAMES:
        is_wide = variants is not None and role in ("variant", "score")
        if role not in named and not is_wide:
            by_role[role] = guess_column(table, role, named.values())
    if by_role["unit"] in (None, by_role["group"]):  # there are scores of groups alone
        by_role["unit"] = by_role["group"]
        by_role["group"] = None
    if variants is None and by_role["variant"] is None and by_role["score"] is None:
        variants = guess_variants(table, by_role)
    if variants is not None:
        return wide_columns(table, by_role, variants)
    return long_columns(table, by_role)


def long_columns(table: Table, by_role: Mapping[str, str | None]) -> Columns:
    """The columns of a long table. Raises UsageError without variants or scores."""
    for role, contents in (("variant", "names the variants"), ("score", "holds the scores")):
        if by_role[role] is None:
            raise UsageError(
                f"{table.source}: which column {contents}? It has {', '.join(table.columns)}; "
                f"{TWO_LAYOUTS}."
            )
    return Columns(
        variant=by_role["variant"],
        seed=by_role["seed"],
        unit=by_role["unit"],
        group=by_role["group"],
        score=by_role["score"],
        cost=by_role["cost"],
    )


def match_column(table: Table, option: str, name: str) -> str:
    """The column of this name, in any case. Raises UsageError, with `option`, if there is none."""
    by_name = {column.casefold(): column for column in table.columns}
    folded = name.strip().casefold()
    if folded and folded in by_name:
        return by_name[folded]
    close = get_close_matches(folded, by_name, n=1)
    hint = f"did you mean {by_name[close[0]]}? It has" if close else "it has"
    raise UsageError(
        f"{option}: {table.source} has no column {name.strip()!r}; {hint} "
        f"{', '.join(table.columns)}."
    )


def check_distinct(named: Mapping[str, str]) -> None:
    """Raises UsageError for a column that is named twice; a unit can be its own group."""
    seen: dict[str, str] = {}
    for role, column in named.items():
        other = seen.setdefault(column, role)
        if {other, role} not in ({role}, {"unit", "group"}):
            raise UsageError(
                f"--{other} and --{role} are both {column}; name a column for each of them."
            )


def guess_column(table: Table, role: str, taken: Iterable[str]) -> str | None:
    """The column that must be meant, if there is one. Raises UsageError for several."""
    fitting = []
    for column in table.columns:
        if plain_name(column) in KNOWN_NAMES[role] and column not in taken:
            fitting.append(column)
    if len(fitting) > 1:
        raise UsageError(
            f"{table.source}: {' and '.join(fitting)} could each be the {role}; say "
            f"{' or '.join(f'--{role} {shlex.quote(column)}' for column in fitting)}."
        )
    return fitting[0] if fitting else None


def plain_name(column: str) -> str:
    """Small letters, and _ for spaces and hyphens."""
    return re.sub(r"[\s-]+", "_", column.casefold())


def words_of(name: str) -> list[str]:
    """The words in a name, in small letters."""
    return re.split(r"[\W_]+", name.casefold())


def guess_variants(table: Table, by_role: Mapping[str, str | None]) -> list[str]:
    """The columns of a wide table: all that are left, if nothing else can be meant."""
    variants = [column for column in table.columns if column not in ("", *by_role.values())]
    reserved = NO_VARIANTS.union(*KNOWN_NAMES.values())
    for column in variants:
        words = {plain_name(column), *words_of(column)}
        if words & reserved or not table.is_numeric(column):
            raise UsageError(
                f"{table.source}: the column {column!r} may be no variant; {TWO_LAYOUTS}."
            )
    return variants


def wide_columns(
    table: Table,
    by_role: Mapping[str, str | None],
    variants: Sequence[str],
) -> Columns:
    """The columns of a wide table. Raises UsageError for options of a long one."""
    for role in ("score", "cost"):
        if by_role.get(role) is not None:
            raise UsageError(
                f"--{role} {by_role[role]}: {table.source} is read as a wide table, a column of "
                f"scores for each variant, which has no column of a {role}; for one, write a row "
                "for each score."
            )
    for column in variants:
        if column in by_role.values():
            raise UsageError(f"--variant: {column} is read as another column; leave it out.")
    return Columns(
        seed=by_role["seed"],
        unit=by_role["unit"],
        group=by_role["group"],
        wide=tuple(variants),
    )


def is_higher_better(columns: Columns, option: bool | None) -> bool:
    """As the option says, or else true. Raises UsageError if the score has the name of an error."""
    if option is not None:
        return option
    if columns.score_is(LOWER_IS_BETTER):
        raise UsageError(
            f"the score {columns.score} may be an error; say --lower-is-better or "
            "--higher-is-better."
        )
    return True
