"""The page, the tables and the chart over data sets, from the evidence in the package.

    python docs/results/across.py [--measure]

Run evidence.py before. Writes README.md between its marks, across.md, the charts and scores.csv.gz.
--measure times the operators on this machine, which must be quiet, and keeps that.
"""

import argparse
import csv
import gzip
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_UP
from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from moderators import find_moderators

from unetlite.compare.across_sets import PROVENANCE, REFERENCE, TABLE, Evidence, read_evidence
from unetlite.compare.costs.costs import measure_latencies
from unetlite.device import processor
from unetlite.files import write_text
from unetlite.judge.across import (
    MIN_SETS,
    AcrossSets,
    Effect,
    LeftOut,
    leave_each_out,
)
from unetlite.judge.verdict import format_number
from unetlite.settings.composition import compose_run
from unetlite.wording import join_names

HERE = Path(__file__).parent
METRICS = {"miou": "mean IoU", "boundary_iou_1px": "boundary IoU"}
FEATURES = ("classes", "images", "size", "colour", "foreground", "thickness", "sharpness")
LATENCIES = HERE / "latencies.json"
PLANNED = 10  # sets of the protocol
STYLE = {"svg.hashsalt": "across", "font.size": 9, "svg.fonttype": "none"}


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def interval(low: float, high: float) -> str:
    """Times 100."""
    return f"{100 * low:+.2f} to {100 * high:+.2f}"


def order_effects(model: AcrossSets) -> dict[str, Effect]:
    """The best mean first."""
    effects = model.effects()
    names = sorted(effects, key=lambda name: -effects[name].mean)
    return {name: effects[name] for name in names}


def draw(model: AcrossSets, file: Path) -> None:
    """Draws operators by sets: differences with their noise, means, and a new set's interval."""
    effects = order_effects(model)
    differences = model.differences
    sets = differences.sets
    with rc_context(STYLE):
        figure = Figure(figsize=(7.5, 0.75 * len(effects) + 1.2), layout="constrained")
        axes = figure.subplots()
        for row, (name, effect) in enumerate(effects.items()):
            position = differences.variants.index(name)
            axes.plot([100 * effect.new_low, 100 * effect.new_high], [row, row], lw=14, color="0.9")
            axes.plot([100 * effect.low, 100 * effect.high], [row, row], lw=3, color="black")
            axes.plot(100 * effect.mean, row, "D", color="black", ms=6)
            for k in range(len(sets)):
                variance = differences.variances[position, 0, k]
                if not np.isfinite(variance):
                    continue
                axes.errorbar(
                    100 * differences.means[position, 0, k],
                    row + 0.36 - 0.72 * k / max(len(sets) - 1, 1),
                    xerr=196 * np.sqrt(variance),
                    fmt="o",
                    ms=3,
                    lw=0.8,
                    color=f"C{k % 10}",
                    label=sets[k] if row == 0 else None,
                )
        axes.axvline(0, color="0.5", lw=0.8)
        axes.set_yticks(range(len(effects)), list(effects))
        axes.invert_yaxis()
        axes.set_xlabel(f"mean IoU less that of {REFERENCE}, x 100")
        figure.legend(loc="outside upper center", ncols=5, frameon=False)
        figure.savefig(file, format="svg", metadata={"Date": None})


def draw_costs(model: AcrossSets, milliseconds: Mapping[str, float], file: Path) -> None:
    """Draws the differences, with a new set's intervals, against the time of a prediction."""
    effects = model.effects()
    with rc_context(STYLE):
        figure = Figure(figsize=(7.5, 4.8), layout="constrained")
        axes = figure.subplots()
        axes.axhline(0, color="0.5", lw=0.8)
        axes.plot(milliseconds[REFERENCE], 0, "D", color="black", ms=5)
        for name, effect in effects.items():
            place = milliseconds[name]
            axes.plot([place] * 2, [100 * effect.new_low, 100 * effect.new_high], lw=4, color="0.8")
            axes.plot([place] * 2, [100 * effect.low, 100 * effect.high], lw=1.5, color="black")
            axes.plot(place, 100 * effect.mean, "D", color="black", ms=5)
        write_names(axes, {name: milliseconds[name] for name in [REFERENCE, *effects]})
        axes.set_xlabel("ms to predict 256 x 256 pixels in PyTorch")
        axes.set_ylabel(f"mean IoU less that of\n{REFERENCE}, x 100")
        figure.savefig(file, format="svg", metadata={"Date": None})


def write_names(axes: Axes, places: Mapping[str, float]) -> None:
    """Writes names above the axes, upright and side by side, with lines to their places."""
    low, high = axes.get_xlim()
    step = (high - low) / 32  # a name's room
    free = low
    for name in sorted(places, key=places.__getitem__):
        free = max(free + step, places[name])
        axes.annotate(
            name,
            (places[name], 1),
            (free, 1.06),
            xycoords=("data", "axes fraction"),
            rotation=90,
            ha="center",
            va="bottom",
            arrowprops={"arrowstyle": "-", "color": "0.6", "lw": 0.6},
        )


def measure(evidence: Evidence) -> dict[str, float]:
    """Milliseconds of a prediction by operator, on this machine."""
    configs = {}
    for name in evidence.differences().variants:
        words = [*evidence.provenance["settings"], f"upsample={name}"]
        configs[name] = compose_run(words).unet_config()
    times = measure_latencies(configs, (256, 256))
    return {name: round(milliseconds, 2) for name, milliseconds in times.items()}


def describe(evidence: Evidence) -> str:
    """What the page says between its marks."""
    sets = evidence.sets
    if not evidence.is_enough:
        return (
            f"{len(sets)} of {PLANNED} sets are trained, and {MIN_SETS} are needed to say "
            "anything of another one. Until then see [the results of version 0.1](four-sets.md)."
        )
    model = evidence.model()
    picture = (
        "![Operators by sets: differences with their noise, means, and a new set](across.svg)\n\n"
        "Points: sets, with 95 % intervals. Black: the mean over sets. Grey: where a new set is "
        "expected."
    )
    if LATENCIES.exists():
        processor_name = json.loads(LATENCIES.read_text())["processor"]
        picture += (
            "\n\n![Quality against the time of a prediction](costs.svg)\n\nWhat an operator gains "
            f"on a new set, against its time on {processor_name}."
        )
    caption = (
        f"{len(sets)} of {PLANNED} sets: {join_names(sets)}. Intervals are of 95 %, each by "
        "itself; tau is the standard deviation from set to set."
    )
    return "\n\n".join([describe_choice(model), picture, describe_effects(model), caption])


def describe_choice(model: AcrossSets) -> str:
    """The sentence to act on."""
    bounds = model.regret_bounds()
    safest, second = sorted(bounds, key=bounds.__getitem__)[:2]
    effects = order_effects(model)
    certain = [name for name, effect in effects.items() if effect.new_low * effect.new_high > 0]
    sets = len(model.differences.sets)
    text = (
        f"**Take `{safest}`.** On a new set it is at most "
        f"{format_number(bounds[safest], ROUND_UP)} mean IoU below the best of {len(bounds)} "
        f"operators (95 %, from {sets} sets). `{second}` is at most "
        f"{format_number(bounds[second], ROUND_UP)} below."
    )
    if certain:
        names = join_names([f"`{name}`" for name in certain])
        text += f" On a new set these are expected to differ from `{REFERENCE}`: {names}."
    else:
        text += (
            f" No operator is expected to be better or worse than `{REFERENCE}` on every new set: "
            "the sets disagree, or are too few."
        )
    return (
        f"{text} `unetlite advise DIR` adds the costs on your machine, and `unetlite choose DIR` "
        "trains on your images."
    )


def describe_effects(model: AcrossSets) -> str:
    """The table of operators, the safest first."""
    bounds = model.regret_bounds()
    effects = order_effects(model)
    rows = []
    for name in sorted(bounds, key=bounds.__getitem__):
        bound = format_number(100 * bounds[name], ROUND_UP)
        if name not in effects:
            rows.append((f"`{name}`", "0", "", "", bound))
            continue
        effect = effects[name]
        mean = f"{100 * effect.mean:+.2f} ({interval(effect.low, effect.high)})"
        new = interval(effect.new_low, effect.new_high)
        rows.append((f"`{name}`", mean, f"{100 * effect.tau:.2f}", new, bound))
    header = (
        "operator",
        f"mean IoU less `{REFERENCE}`, x 100",
        "tau",
        "on a new set",
        "at most below the best",
    )
    return table(header, rows)


def describe_sets(evidence: Evidence, metric: str) -> str:
    """The differences on every set."""
    differences = evidence.differences(metric)
    rows = []
    for position, name in enumerate(differences.variants[1:], start=1):
        cells = []
        for k in range(len(differences.sets)):
            variance = differences.variances[position, 0, k]
            cell = ""
            if np.isfinite(variance):
                mean = differences.means[position, 0, k]
                cell = f"{100 * mean:+.2f} ({100 * np.sqrt(variance):.2f})"
            cells.append(cell)
        rows.append((f"`{name}`", *cells))
    return table(("operator", *differences.sets), rows)


def describe_left_out(left_out: Sequence[LeftOut]) -> str:
    """Every set, predicted by the others."""
    rows = []
    for each in left_out:
        inside = f"{each.inside} of {len(each.intervals)}"
        rows.append(
            (
                each.set_name,
                inside,
                f"`{each.chosen}`",
                f"{100 * each.bound:.2f}",
                f"{100 * each.regret:.2f}",
            )
        )
    total = sum(len(each.intervals) for each in left_out)
    inside = sum(each.inside for each in left_out)
    kept = sum(each.regret <= each.bound for each in left_out)
    header = ("left out", "differences in their interval", "recommended", "predicted", "measured")
    summary = (
        f"{inside} of {total} differences lie in their 95 % interval, and {kept} of "
        f"{len(left_out)} regrets below their bound. A measured regret is to the best mean there, "
        "which is high by chance, too; the bound has that."
    )
    return table(header, rows) + "\n\n" + summary


def describe_moderators(evidence: Evidence) -> str:
    """Whether the looks of sets explain how they differ, as far as can be said."""
    differences = evidence.differences()
    complete = np.isfinite(differences.variances[:, 0]).all(1)
    complete[0] = False
    names = [name for name, known in zip(differences.variants, complete, strict=True) if known]
    features = np.stack([each.coordinates() for each in evidence.meta_features().values()]).T
    found = find_moderators(features, differences.means[complete, 0])
    rows = []
    for feature, correlations in zip(FEATURES, found.correlations, strict=True):
        rows.append((feature, *[f"{value:+.2f}" for value in correlations]))
    verdict = "so none is shown" if found.p_value > 0.05 else "so there is one, the largest"
    return (
        table(("feature", *names), rows)
        + f"\n\nRank correlations over {len(differences.sets)} sets. By chance the largest of all "
        f"exceeds {found.threshold:.2f} in 5 % of permutations; here it is "
        f"{abs(found.correlations).max():.2f} (p = {found.p_value:.2f}), {verdict}. So few "
        "sets cannot show a weaker one, and no correlation is a cause."
    )


def describe_looks(evidence: Evidence) -> str:
    """The looks and sizes of all sets."""
    rows = []
    for name, described in sorted(evidence.provenance["sets"].items()):
        looks = evidence.meta_features()[name]
        values = (looks.pixels, looks.colour, looks.foreground, looks.thickness, looks.sharpness)
        cells = [f"{value:.4g}" for value in values]
        groups = f"{described['test_images']} in {described['test_groups']}"
        rows.append((name, groups, str(looks.classes), str(looks.images), *cells))
    return table(("set", "test images in groups", *FEATURES), rows)


def write_tables(evidence: Evidence, file: Path) -> None:
    """Writes across.md."""
    parts = ["# Operators over data sets: the tables", "Made by `python docs/results/across.py`."]
    if not evidence.is_enough:
        parts.append(describe(evidence))
    else:
        for metric, title in METRICS.items():
            parts += [
                f"## {title[0].upper()}{title[1:]} less that of {REFERENCE}, x 100",
                "With the standard error over seeds and groups.",
                describe_sets(evidence, metric),
            ]
        if len(evidence.sets) > MIN_SETS:
            parts.append("## Each set, predicted by the others")
            parts.append(describe_left_out(leave_each_out(evidence.differences())))
        parts += ["## What explains the spread", describe_moderators(evidence)]
        parts += ["## The sets", describe_looks(evidence)]
    write_text(file, "\n\n".join(parts) + "\n")


def pack_scores(scores: Path, file: Path) -> None:
    """All scores in one table, with columns for network and set."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    header = None
    for part in sorted(scores.glob("*.csv.gz")):
        network, _, name = part.name.removesuffix(".csv.gz").partition("-")
        rows = list(csv.reader(io.StringIO(gzip.decompress(part.read_bytes()).decode())))
        if header is None:
            header = rows[0]
            writer.writerow(["network", "set", *header])
        writer.writerows([network, name, *row] for row in rows[1:])
    if header is not None:
        file.write_bytes(gzip.compress(text.getvalue().encode(), mtime=0))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--provenance", type=Path, default=PROVENANCE)
    parser.add_argument("--scores", type=Path, default=HERE / "scores")
    parser.add_argument("--to", type=Path, default=HERE)
    parser.add_argument("--measure", action="store_true", help="latencies.json, of this machine")
    options = parser.parse_args()
    evidence = read_evidence(options.table, options.provenance)
    if options.measure:
        costs = {"processor": processor(), "milliseconds": measure(evidence)}
        write_text(LATENCIES, json.dumps(costs, indent=1) + "\n")
    page = (HERE / "README.md").read_text(encoding="utf-8")
    block = f"<!-- across -->\n{describe(evidence)}\n<!-- /across -->"
    page = re.sub(r"<!-- across -->.*<!-- /across -->", lambda _: block, page, flags=re.DOTALL)
    write_text(options.to / "README.md", page)
    write_tables(evidence, options.to / "across.md")
    if evidence.is_enough:
        draw(evidence.model(), options.to / "across.svg")
        if LATENCIES.exists():
            milliseconds = json.loads(LATENCIES.read_text())["milliseconds"]
            draw_costs(evidence.model(), milliseconds, options.to / "costs.svg")
    pack_scores(options.scores, options.to / "scores.csv.gz")
    print(f"{len(evidence.sets)} sets: {options.to / 'README.md'}")


if __name__ == "__main__":
    main()
