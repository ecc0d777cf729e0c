"""What bound a race can expect, before anything is trained."""

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from functools import cache

import numpy as np
from scipy import special

from unetlite.judge.best import compare_with_best
from unetlite.judge.sequential import interim_alphas
from unetlite.judge.statistics import pair_differences

SIMULATIONS = 100  # simulated races; another 100 give a mean bound that differs by 5 to 10 %
MAX_GROUPS = 200  # with more, groups add next to nothing to the bound


@dataclass(frozen=True)
class Noise:
    """Standard deviations of mean IoU."""

    seed: float  # of the trainings of an operator
    group: float  # of an operator, from one group of test images to another
    operator: float  # of the operators' true scores


MEASURED = {
    "coast": Noise(seed=0.0009, group=0.0010, operator=0.0005),
    "nuclei": Noise(seed=0.0081, group=0.0125, operator=0.0022),
    "camvid": Noise(seed=0.0061, group=0.0061, operator=0.0088),
    "drive": Noise(seed=0.0009, group=0.0013, operator=0.0012),
}
"""From `judged` in docs/results/{set}/report.json: 3 or 5 seeds of 6 or 14 operators.

With D the mean variance over seeds of the difference of two operators, E the mean of their squared
standard errors, S seeds and G groups: seed = sqrt(D / 2), group = sqrt((E - D / S) G / 2), and
operator is the deviation of their means less sqrt(E / 2), in squares.
"""


def geometric_mean(noises: Iterable[Noise]) -> Noise:
    """The noise in the middle of others."""
    logarithms = np.log([astuple(noise) for noise in noises])
    return Noise(*np.exp(logarithms.mean(0)).tolist())


TYPICAL = geometric_mean(MEASURED.values())
"""In the middle of these sets; see `bound_range` for how far other data are from it."""

COVERED = 0.9  # of other data sets whose bound is in the range that is expected

NOISE_EXPONENT = 0.25
"""The noise falls with the length of a training to the power of minus this.

On nuclei, ten operators and three seeds, the deviation of a training was 0.0115 after 300 steps of
8 crops of 128 pixels, and 0.0081 after the published 696 steps of 8 of 256, 4.6 times as long: a
power of 0.23.

Measured on coast with the U-Net of half the widths, three operators and four seeds: from 60 steps
of 4 images to the published 336 of 16, the deviation of a training fell from 0.0018 to 0.0009.
Between, it was 0.0016 after 120 steps of 4, and 0.0006 after 240: four seeds say little.
"""


def training_length(steps: int, batch_size: int, crop_size: int) -> float:
    """How far a schedule trains, in units of its own: steps times the root of a batch's pixels.

    On coast, twice the steps did as much for the score as four times the images in a batch.
    """
    return steps * math.sqrt(batch_size) * crop_size


def expected_bound(
    operators: int,
    of_operators: int,
    seeds: int,
    groups: int,
    shortening: float,
    noise: Noise = TYPICAL,
) -> float:
    """The max regret that a race can expect for the operator it chooses, with 95 %.

    It is that of data with this noise. The race has `operators`, which were chosen from
    `of_operators` before, and ends after `seeds`, on so many `groups` of test images. `shortening`
    is the length of a usual training over the planned one. The score of operator v with seed s in
    group g is

        score[v, s, g] = operator[v] + seed[v, s] + group[v, g],

    all three random, with the deviations of `noise`. `simulated_bound` draws such scores and asks
    the judge. With shorter trainings all deviations grow alike, and so does the bound. With a
    probability of 95 %, the best of the operators that do not race leads by no more than
    `left_out_lead`, in deviations of operators, which is added:

        bound = max(1, shortening)^NOISE_EXPONENT * simulated_bound + operator * left_out_lead
    """
    bound = simulated_bound(
        operators,
        seeds,
        min(groups, MAX_GROUPS),
        interim_alphas(seeds)[seeds],
        noise,
    )
    lead = left_out_lead(operators, of_operators - operators)
    return max(1.0, shortening) ** NOISE_EXPONENT * bound + noise.operator * lead


def bound_range(
    operators: int,
    of_operators: int,
    seeds: int,
    groups: int,
    shortening: float,
) -> tuple[float, float]:
    """The range in which the bound lies on a share of COVERED of other data sets.

    The logarithms of the bounds on the K sets of MEASURED have a mean m and a variance s^2. The
    next set is another draw, and K sets give s with K - 1 degrees of freedom. The bound of one race
    differs from its mean by chance, with v^2 of `bound_variance`:

        bound = exp(m +- sqrt(t^2 s^2 (1 + 1 / K) + z^2 v^2)), and at most 1

    t is the quantile of Student's distribution, z that of the normal one.
    """
    logarithms = []
    variances = []
    for noise in MEASURED.values():
        bound = expected_bound(
            operators,
            of_operators,
            seeds,
            groups,
            shortening,
            noise,
        )
        logarithms.append(math.log(bound))
        variances.append(bound_variance(seeds, groups, noise))
    count = len(logarithms)
    tail = (1 - COVERED) / 2
    between = np.var(logarithms, ddof=1) * (1 + 1 / count)
    of_sets = special.stdtrit(count - 1, tail) ** 2 * between
    of_chance = special.ndtri(tail) ** 2 * np.mean(variances)
    half_width = math.sqrt(of_sets + of_chance)
    middle = np.mean(logarithms)
    return math.exp(middle - half_width), min(1.0, math.exp(middle + half_width))


def bound_variance(seeds: int, groups: int, noise: Noise) -> float:
    """The variance of the logarithm of a bound, from race to race on the same data.

    A bound is a multiple of a standard error, whose square is estimated from S seeds and G groups
    with Satterthwaite's degrees of freedom:

        df = (a + b)^2 / (a^2 / (S - 1) + b^2 / (G - 1)),  a = seed^2 / S,  b = group^2 / G

    The logarithm of a chi-square variable has the variance psi'(df / 2), so that of the standard
    error has a quarter of it.
    """
    seed_part = noise.seed**2 / seeds
    group_part = noise.group**2 / groups
    spread = seed_part**2 / (seeds - 1) + group_part**2 / max(groups - 1, 1)
    df = (seed_part + group_part) ** 2 / spread
    return float(special.polygamma(1, df / 2)) / 4


def narrowing(variants: int, groups: int, seeds: int, later: int, most: int) -> float:
    """The bound that is expected after `later` seeds, over that after `seeds`, on typical data.

    `most` are the seeds up to which a race was planned.
    """
    now = simulated_bound(variants, seeds, groups, interim_alphas(most)[seeds])
    then = simulated_bound(variants, later, groups, interim_alphas(max(later, most))[later])
    return then / now


@cache
def simulated_bound(
    operators: int,
    seeds: int,
    groups: int,
    alpha: float,
    noise: Noise = TYPICAL,
) -> float:
    """The mean, over simulated comparisons, of the lowest max regret of an operator."""
    draws = [np.random.default_rng(number) for number in range(3)]  # the same for all plans
    bounds = []
    for _ in range(SIMULATIONS):
        scores = noise.operator * draws[0].standard_normal((operators, 1, 1))
        scores = scores + noise.seed * draws[1].standard_normal((operators, seeds, 1))
        scores = scores + noise.group * draws[2].standard_normal((operators, 1, groups))
        tables = {str(number): table for number, table in enumerate(scores)}
        best = compare_with_best(pair_differences(tables), alpha, operators)
        bounds.append(min(best.regret.values()))
    return float(np.mean(bounds))


@cache
def left_out_lead(operators: int, left_out: int) -> float:
    """What the best of the operators left out leads by, at most, with 95 %; standard normal."""
    if left_out == 0:
        return 0.0
    random = np.random.default_rng(0)
    raced = random.standard_normal((20_000, operators)).max(1)
    others = random.standard_normal((20_000, left_out)).max(1)
    return max(0.0, float(np.quantile(others - raced, 0.95)))
