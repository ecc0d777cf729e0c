"""A search space, and the times of a machine, that the tests plan for."""

from unetlite.compare.planning.race_times import RaceTimes
from unetlite.compare.planning.schedule import Schedule
from unetlite.compare.planning.search import SearchSpace
from unetlite.compare.planning.step_times import StepTime

STEP = StepTime(fixed=0.02, per_pixel=4e-6)  # a laptop without bfloat16
NAMES = ["transpose", "nearest", "bilinear", "pixelshuffle", "dysample", "unpool"]
TIMES = RaceTimes(
    dict.fromkeys(NAMES, STEP),
    1e-7,
    val_pixels=3_000_000,
    test_pixels=3_000_000,
    parallel=2,
    threads=2,
)
USUAL = Schedule(steps=300, crops_per_image=5, batch_size=16, crop_size=256, images=82)
SPACE = SearchSpace(NAMES, USUAL, groups=18, fixed=frozenset(), times=TIMES)
