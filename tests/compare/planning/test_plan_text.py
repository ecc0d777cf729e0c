"""What the terminal says of a plan."""

from races_to_plan import SPACE, TIMES

from unetlite.compare.planning.plan_text import budget_error, plan_lines
from unetlite.compare.planning.search import FIRST_INTERIM, plan_race, smallest_race


def test_a_short_budget_is_refused_with_what_would_do_and_no_smaller_images():
    assert plan_race(SPACE, TIMES, 60) is None
    smallest = smallest_race(SPACE, TIMES)
    assert smallest.seeds == FIRST_INTERIM
    message = str(budget_error("60s", smallest))
    assert "resize" not in message
    assert "data.crop_size=64" in message
    minutes = int(message.partition("give --budget ")[2].partition("m")[0])
    assert plan_race(SPACE, TIMES, 60 * minutes) is not None


def test_the_plan_is_a_few_lines_that_mark_the_chosen_time():
    for seconds, label in ((2400, ["40", "min"]), (3600, ["60", "min"]), (18_000, ["5", "h"])):
        race = plan_race(SPACE, TIMES, seconds)
        lines = plan_lines(SPACE, TIMES, race, seconds)
        assert len(lines) <= 8
        assert max(map(len, lines)) <= 80
        (chosen,) = [line for line in lines if line.endswith("chosen")]
        assert chosen.split()[:2] == label
    longer = plan_lines(SPACE, TIMES, smallest_race(SPACE, TIMES), 60)
    assert any("Even this smallest race takes" in line for line in longer)
