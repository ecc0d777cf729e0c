"""What the terminal says of a plan."""

from dataclasses import replace

from races_to_plan import SPACE

from unetlite.compare.planning.plan_text import plan_lines
from unetlite.compare.planning.search import plan_race, smallest_race


def test_the_plan_is_a_few_lines_that_mark_the_chosen_time():
    for seconds, label in ((2400, ["40", "min"]), (3600, ["60", "min"]), (18_000, ["5", "h"])):
        race = plan_race(SPACE, seconds)
        lines = plan_lines(SPACE, race, seconds)
        assert len(lines) <= 9
        assert max(map(len, lines)) <= 80
        (chosen,) = [line for line in lines if line.endswith("chosen")]
        assert chosen.split()[:2] == label
    longer = plan_lines(SPACE, smallest_race(SPACE), 60)
    assert any("Even this smallest race takes" in line for line in longer)
    out = [name for name in SPACE.operators if name not in smallest_race(SPACE).operators]
    assert any(f"Left out, for lack of time: {', '.join(out)}." in line for line in longer)
    assert not any("test images, so" in line for line in longer)
    few = plan_lines(replace(SPACE, groups=9), smallest_race(SPACE), 60)
    assert any("warning: 9 groups of test images, so the max regret" in line for line in few)
    everything = plan_lines(SPACE, plan_race(SPACE, 1e7), 1e7)
    assert not any("Left out" in line for line in everything)
