"""Which test and interval hold their level: python benchmarks/significance.py

Simulates comparisons of two variants without a difference, score differences being seed + image + residual with the
shares of variance below, and counts how often each test says that there is one at 5 %. A test that says so more often
must not be used; one that says so less often finds less. 100 % less this is the coverage of an interval.
In the last column are six variants, and how often any of their 15 pairs is found to differ after Holm's correction.
"""

import numpy as np
from scipy import stats

from unetlite.compare.statistics import compare_pair, compare_pairs, holm

ROUNDS, IMAGES = 4000, 50
REGIMES = {"seeds alone": (1, 0, 30), "seeds and images": (1, 30, 30), "images alone": (0, 30, 30)}  # variances


def simulate(rng, seeds, regime, heavy, rounds=ROUNDS):
    """Differences (rounds, S, N); with `heavy` the images follow Student's t with three degrees of freedom."""
    seed, image, residual = np.sqrt(regime)
    images = rng.standard_t(3, (rounds, 1, IMAGES)) / np.sqrt(3) if heavy else rng.normal(size=(rounds, 1, IMAGES))
    noise = rng.normal(size=(rounds, seeds, IMAGES))
    return seed * rng.normal(size=(rounds, seeds, 1)) + image * images + residual * noise


def sign_flip(d):
    test = stats.permutation_test((d.mean(1),), np.mean, permutation_type="samples", n_resamples=2**10, vectorized=True)
    return test.pvalue


def bootstrap(rng, d, resamples=500):
    """The p-value of a percentile bootstrap that draws seeds and images independently."""
    seeds, images = d.shape
    weights_s = rng.multinomial(seeds, [1 / seeds] * seeds, resamples) / seeds
    weights_n = rng.multinomial(images, [1 / images] * images, resamples) / images
    means = np.einsum("bs,sn,bn->b", weights_s, d, weights_n)
    return 2 * min((means <= 0).mean(), (means >= 0).mean())


def any_of_six(rng, seeds, regime, heavy):
    """Whether six variants without a difference are found to have one."""
    scores = simulate(rng, seeds, regime, heavy, rounds=6)
    return holm([difference.p for difference in compare_pairs(dict(enumerate(scores))).values()]).min() <= 0.05


def main():
    rng = np.random.default_rng(0)
    tests = {
        "t over seeds": lambda d: stats.ttest_1samp(d.mean(1), 0).pvalue,
        "sign flips over seeds": sign_flip,
        "t over images": lambda d: stats.ttest_1samp(d.mean(0), 0).pvalue,
        "bootstrap of seeds and images": lambda d: bootstrap(rng, d),
        "two-way, seeds and images": lambda d: compare_pair(d, np.zeros_like(d)).p,
    }
    slow = {"sign flips over seeds", "bootstrap of seeds and images"}
    print(f"| variance from | seeds | {' | '.join(tests)} | six variants |\n|{'---|' * (len(tests) + 3)}")
    for name, regime in REGIMES.items():
        for heavy in (False, True) if regime[1] else (False,):
            for seeds in (3, 5, 10):
                samples = simulate(rng, seeds, regime, heavy)
                rates = {
                    test: np.mean([p(d) <= 0.05 for d in (samples[:800] if test in slow else samples)])
                    for test, p in tests.items()
                }
                label = name + (", heavy tails" if heavy else "")
                rates["six variants"] = np.mean([any_of_six(rng, seeds, regime, heavy) for _ in range(800)])
                columns = " | ".join(f"{100 * rate:.1f} %" for rate in rates.values())
                print(f"| {label} | {seeds} | {columns} |", flush=True)


if __name__ == "__main__":
    main()
