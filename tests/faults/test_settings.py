"""Whatever is typed, a run ends with scores, or in one line that says what is wrong."""

import json
import math
import os

import pytest
from helpers import overrides
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from server import SEED, two_classes

EXAMPLES = int(os.environ.get("UNETLITE_OVERRIDES", "20"))
KEYS = """
seed resume experiment run_dir data_dir output_dir upsample downsample model trainer data foo
data.root data.classes data.ignore data.layout data.image_name
data.mask_name data.group data.val_fraction
data.test_fraction data.split_seed data.channels data.value_range data.resize data.crop_size
data.batch_size data.crops_per_image data.num_workers data.augment data.augment.horizontal_flip
data.augment.vertical_flip data.augment.quarter_turns data.augment.rotation data.augment.scale
data.augment.brightness data.augment.gamma data.name data.foo model.widths model.norm model.skip
model.bottleneck_dilation model.decoder_widths model.match model.match_to model.foo
upsample.kernel_size upsample.name upsample.foo downsample.name trainer.max_epochs
trainer.max_steps trainer.learning_rate trainer.weight_decay trainer.dice_weight
trainer.gradient_clip trainer.test_checkpoint trainer.precision trainer.accelerator trainer.foo
""".split()  # noqa: SIM905
NUMBERS = [
    "0", "1", "-1", "2", "7", "64", "1000", "100000", "1000000000", "99999999999999999999",
    "0.5", "-0.5", "1e-300", "1e9", "1e30", "1e300", "nan", "inf", "-inf",
]  # fmt: skip
WORDS = [
    "null", "true", "false", "foo", "''", "auto", "last", "group", "instance", "max",
    "carafe", "dysample", "unpool", "params", "macs", "/proc/foo", "/etc/passwd", "../x",
]  # fmt: skip
atoms = st.sampled_from(NUMBERS + WORDS)
values = (
    atoms
    | st.lists(atoms, max_size=4).map(lambda each: f"[{','.join(each)}]")
    | st.just("{a:0,b:1}")
)
changes = st.lists(
    st.tuples(st.sampled_from(["", "", "", "", "+", "++", "~"]), st.sampled_from(KEYS), values),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return two_classes(tmp_path_factory.mktemp("images"), 8)


@settings(
    max_examples=EXAMPLES, deadline=None, 
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@seed(SEED)
@given(changes=changes)
def test_any_settings_give_finite_scores_or_one_line(server, images, tmp_path_factory, changes):
    place = tmp_path_factory.mktemp("run")
    chosen = [sign + key if sign == "~" else f"{sign}{key}={value}" for sign, key, value in changes]
    words = overrides(images, place, "trainer.max_epochs=2", "trainer.max_steps=3")
    answer = server.run([*words, *chosen], limit=30)
    lines = answer["output"].strip().splitlines()
    assert answer["code"] in (0, 2) or (answer["code"] == 1 and "not finite" in lines[-1]), (
        chosen,
        answer,
    )
    assert "Traceback" not in answer["output"], (chosen, answer)
    if answer["code"] == 2:
        assert lines[-1].startswith("error: "), (chosen, answer)
        assert len(lines) == 1 or "decoding" in lines[0], (chosen, answer)
    for file in place.rglob("metrics.json"):
        scores = json.loads(file.read_text())
        assert all(math.isfinite(scores[name]) for name in ("val/loss", "val/miou", "test/miou")), (
            chosen,
            scores,
        )


@pytest.mark.parametrize("rate", ["trainer.learning_rate=10", "trainer.dice_weight=1000"])
def test_what_a_run_leaves_is_finite_or_it_is_no_run(server, images, tmp_path, rate):
    """As with a rate that is far too high and no normalisation to hold the maps."""
    words = overrides(
        images, tmp_path, rate, "model.norm=none", "trainer.gradient_clip=0", "trainer.max_epochs=9"
    )
    answer = server.run(words)
    run = tmp_path / "outputs" / "test" / "transpose" / "seed0"
    if answer["code"] == 0:
        assert math.isfinite(json.loads((run / "metrics.json").read_text())["val/loss"])
    else:
        assert answer["code"] == 1
        assert all(
            word in answer["output"] for word in ("at step", "checkpoint", "learning_rate")
        ), answer["output"]
        assert not (run / "metrics.json").exists()
