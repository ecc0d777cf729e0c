"""A report on runs, without what takes long: costs are made up, and there are no pictures."""

from unetlite.compare.comparison import read_comparison
from unetlite.compare.costs.costs import Costs, VariantCost
from unetlite.compare.report.figures import Figures
from unetlite.compare.report.report import Report
from unetlite.judge.analysis import summarise


def make_report(runs, metric="miou", margin=None, latency=True, **options):
    comparison = read_comparison(runs, **options)
    variants = {}
    for number, name in enumerate(comparison.variants):
        times = {"pytorch": 3.0 - number} if latency else {}
        variants[name] = VariantCost(1000, 10**6, times)
    costs = Costs((32, 32), "a processor", 1, variants, [])
    analysis = comparison.analyse(metric)
    others = {"dice": summarise(comparison.run_scores("dice"))}
    return Report(comparison, metric, analysis, others, costs, Figures({}, {}, {}), margin)
