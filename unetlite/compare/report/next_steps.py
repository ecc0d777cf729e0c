"""What to do next, in order, with the commands: made of what a report found."""

import math
import shlex
from decimal import ROUND_UP
from typing import NamedTuple

from unetlite.compare.levers.outcome import MeasuredLever
from unetlite.compare.levers.table import Levers, gain_text
from unetlite.compare.planning.command import choose_command, data_word
from unetlite.compare.planning.expectation import narrowing
from unetlite.compare.planning.experiment import EXPERIMENT_FILE, Experiment
from unetlite.compare.report.report import Report
from unetlite.compare.report.trained import is_short
from unetlite.files import shell_path
from unetlite.judge.sequential import INTERIMS
from unetlite.judge.verdict import format_number
from unetlite.timing import format_duration
from unetlite.validation import read_if_valid
from unetlite.wording import counted

MAX_NAMES = 3  # of images in a step
PROMISING = 0.5  # of the half-width of its interval: a gain that is worth another race
NO_GAIN = 0.95  # of a bound: more seeds that leave so much of it are not worth their time
SLACK = 1.1  # of the time of the race that was: a budget for another one like it


class Step(NamedTuple):
    """One thing to do."""

    text: str  # one or two sentences
    commands: list[str]


def next_steps(report: Report) -> list[Step]:
    """What to do next, most urgent first, at most five."""
    experiment = None
    if report.comparison.race is not None:
        experiment = read_if_valid(report.comparison.directory / EXPERIMENT_FILE, Experiment)
    steps = [look_at_images(report, experiment)]
    if experiment is not None:
        steps.append(train_longer(report, experiment))
        steps.append(change_settings(report, experiment))
        steps.append(add_seeds(report, experiment))
    steps.append(use_network(report))
    return [step for step in steps if step is not None]


def look_at_images(report: Report, experiment: Experiment | None) -> Step | None:
    """The images whose masks are doubtful."""
    suspects = report.suspects.ordered
    if not suspects:
        return None
    listed = suspects[0].name
    if len(suspects) > 1:
        names = [f"{suspect.name} ({suspect.split})" for suspect in suspects[:MAX_NAMES]]
        listed = ", ".join(names)
    if len(suspects) > MAX_NAMES:
        listed += f" and {len(suspects) - MAX_NAMES} more"
    text = f"Look at {listed}: {suspects[0].reason}"
    tested = [suspect.name for suspect in suspects if suspect.split == "test"]
    without = [*report.comparison.without_images, *tested]
    has_others = len(without) < len(report.comparison.runs[0].images)
    judge_without = ""
    if tested and has_others:
        judge_without = "judge without it" if len(tested) == 1 else "judge without them"
    commands = []
    if report.comparison.runs[0].config["data"]["name"] == "folder":
        text += " Correct what is wrong, and race again."
        if judge_without:
            text += f" Or {judge_without}."
        if experiment is not None:
            commands.append(choose_command(experiment.request, home="corrected"))
    elif judge_without:
        text += f" The data set is published: {judge_without}, and report both results."
    else:
        alone = "it" if len(suspects) == 1 else "them"
        text += f" The data set is published, so leave {alone} as published, and say so."
    if judge_without:
        commands.append(compare_command(report, without))
    return Step(text, commands)


def compare_command(report: Report, without: list[str]) -> str:
    """The command that makes this report without some images."""
    comparison = report.comparison
    words = ["unetlite compare", shell_path(comparison.directory)]
    if comparison.by != "upsample":
        words.append(f"--by {comparison.by}")
    if comparison.race is None and report.metric != "miou":
        words.append(f"--metric {report.metric}")
    words.append(f"--without {','.join(without)}")
    return " ".join(words)


def change_settings(report: Report, experiment: Experiment) -> Step | None:
    """The change that gains most, or looks best; without any measured, how to measure some."""
    levers = report.levers
    if levers is None:
        text = "Measure what longer training, larger crops or a pretrained encoder would gain."
        typed = [shlex.quote(override) for override in experiment.request.overrides]
        command = " ".join(["unetlite levers", data_word(experiment.request), *typed])
        return Step(text, [command])
    row = best_change(levers)
    if row is None:
        return None
    gain = f"{gain_text(row)} in mean IoU (val)"
    text = f"Race with {row.title}: it gains {gain}."
    if not row.gains:
        text = f"Race with {row.title}: it looks best, {gain}, but that may be noise."
    command = choose_command(experiment.request, row.typed.split(), home=row.name)
    return Step(text, [command])


def best_change(levers: Levers) -> MeasuredLever | None:
    """The best that was not adopted, and that is not a question of time."""
    by_time = {lever.name for lever in levers.record.trials.levers if lever.decided_by_time}
    for row in levers.outcome.rows:
        is_new = row.name not in by_time and row.name not in levers.outcome.adopted
        if is_new and row.gain > PROMISING * row.half_width:
            return row
    return None


def train_longer(report: Report, experiment: Experiment) -> Step | None:
    """A race of trainings that are twice as long, if these are shown to be too short."""
    if not is_short(report.trend, report.levers, report.steps):
        return None
    assert report.comparison.race is not None
    seconds = 2 * report.comparison.race.seconds
    budget = round_budget(seconds + experiment.report_seconds)
    text = f"Train longer: twice the steps take about {format_duration(seconds)}."
    command = experiment.command(report.levers, experiment.longer(2), budget, "longer")
    return Step(text, [command])


def add_seeds(report: Report, experiment: Experiment) -> Step | None:
    """What the seeds of one more interim analysis cost and buy, while several may be the best."""
    race = report.comparison.race
    best = report.analysis.best
    later = [seeds for seeds in INTERIMS if seeds > len(report.comparison.seeds)]
    if race is None or best is None or len(best.candidates) < 2 or not later:
        return None
    bound = best.regret[report.chosen]
    if race.plan.margin is not None and bound <= race.plan.margin:
        return None
    now = len(report.comparison.seeds)
    variants = len(best.regret)
    factor = narrowing(variants, report.analysis.groups, now, later[0], race.plan.seeds)
    if factor > NO_GAIN:
        return None
    seconds = race.seconds * later[0] / now + experiment.report_seconds
    narrowed = format_number(bound * factor)
    text = (
        f"More seeds: with about {later[0]} in place of {now} a race takes "
        f"{format_duration(seconds)}, and {report.chosen} could lose about {narrowed} at most, not "
        f"{format_number(bound, ROUND_UP)}."
    )
    command = experiment.command(report.levers, [], round_budget(seconds), "seeds")
    return Step(text, [command])


def use_network(report: Report) -> Step | None:
    """How to predict with the network to take, and to export it."""
    if report.analysis.best is None:
        return None
    run = report.comparison.runs_to_use()[report.chosen]
    folder = shell_path(run.files.path)
    weights = f"{run.files.path.name}/{run.files.test_checkpoint.name}"
    count = len(report.comparison.variants[report.chosen])
    seed = f"seed {run.seed}"
    if count > 1:
        score = run.metrics.get("val/miou") or 0.0
        seed += f", the best of its {count} on validation images (mean IoU {score:.4f}, val)"
    text = (
        f"Use {report.chosen}{time_text(report)}: predict with {seed}, whose weights are "
        f"{weights}, or export it."
    )
    predict = f"unetlite predict {folder} IMAGES --output DIR"
    export = f"unetlite export {folder} {report.export_options}".rstrip()
    return Step(text, [predict, export])


def time_text(report: Report) -> str:
    """Such as " (29 ms for an image of 256 x 256 pixels, on 2 threads)"; empty without a time."""
    costs = report.costs
    milliseconds = costs.fastest.get(report.chosen)
    if milliseconds is None:
        return ""
    place = costs.device or counted(costs.threads, "thread")
    height, width = costs.size
    time = f"{format_number(milliseconds)} ms"
    return f" ({time} for an image of {height} x {width} pixels, on {place})"


def round_budget(seconds: float) -> str:
    """A budget with some slack, in steps of ten minutes, such as "100m"."""
    return f"{10 * math.ceil(SLACK * seconds / 600)}m"
