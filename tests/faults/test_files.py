"""Damaged and forged files: refused in one line, in bounded memory and time; no code runs."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers import as_trained, make_metadata, noise, save
from PIL import Image
from server import SEED

from unetlite.inference.export import write_export

MUTANTS = int(os.environ.get("UNETLITE_MUTANTS", "50"))
GIBI = 2**30


@pytest.fixture
def checkpoint(runs) -> Path:
    shutil.copy(runs / "transpose" / "seed0" / "last.ckpt", runs / "model.ckpt")
    return runs / "model.ckpt"


def test_mutated_images_are_read_or_refused(server, tmp_path):
    values = noise(24, 30, 3)
    kinds = {
        "a.png": {},
        "b.jpg": {},
        "c.tif": {},
        "d.tif": {"compression": "tiff_deflate"},
        "e.png": {},
    }
    kinds |= {"f.gif": {}, "g.gif": {"interlace": 1}, "h.bmp": {}, "i.bmp": {}}
    for name, options in kinds.items():
        Image.fromarray(values[..., 0] if name in ("e.png", "g.gif", "i.bmp") else values).save(
            tmp_path / name, **options
        )
    files = [tmp_path / name for name in kinds]
    answer = server.run(
        files,
        action="mutants",
        seed=SEED,
        count=MUTANTS // len(kinds),
        limit=30 + MUTANTS,
        memory=4 * GIBI,
    )
    assert answer["code"] == 0, (SEED, answer)
    assert "refused 0" not in answer["output"]
    assert answer["memory"] < 4 * GIBI


@pytest.mark.parametrize("kind", ["checkpoint", "onnx"])
def test_mutated_networks_are_opened_or_refused(server, checkpoint, exported, kind):
    file = checkpoint if kind == "checkpoint" else exported
    answer = server.run(
        [file], action="mutants", seed=SEED, count=MUTANTS // 2, limit=30 + MUTANTS, memory=4 * GIBI
    )
    assert answer["code"] == 0, (SEED, answer)
    assert "refused 0" not in answer["output"]
    assert answer["memory"] < 4 * GIBI


class Code:
    """What pickle would run."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return Path.touch, (self.place,)


class Huge:
    def __reduce__(self):
        return bytearray, (2**40,)


def twice(depth):
    value = ["x"]
    for _ in range(depth):
        value = [value, value]
    return value


def nested(depth):
    value = []
    for _ in range(depth):
        value = [value]
    return value


def in_itself():
    value = []
    value.append(value)
    return value


def wide(content):
    """A network of 10 GB whose weights are one number, seen from everywhere."""
    content["unetlite"]["network"] |= {"widths": (16384, 16384), "decoder_widths": (16384,)}
    content["state_dict"] = {
        "network.head.weight": torch.zeros(1).expand(2, 16384, 1, 1), **content["state_dict"],
        "network.encoder.bottleneck.0.weight": torch.zeros(1).expand(16384, 16384, 3, 3),
    }  # fmt: skip


def about(key, value):
    return lambda content: content["unetlite"].update({key: value})


def weights(change):
    def forge(content):
        content["state_dict"] = {
            name: change(weight) for name, weight in content["state_dict"].items()
        }

    return forge


CHECKPOINTS = {
    "a list doubled sixty times": about("config", {"data": {"name": "folder"}, "more": twice(60)}),
    "a list in itself": about("metrics", {"a": in_itself()}),
    "lists in lists": about("environment", {"a": nested(300)}),
    "a million keys": about("environment", dict.fromkeys(map(str, range(10**6)), 0)),
    "infinite colours": about("colours", [[float("inf")] * 3] * 2),
    "a surrogate in a name": about("classes", ["\udc80", "b"]),
    "control characters in a name": about("classes", ["\x1b[2J", "b"]),
    "markup in a name": about("classes", ["<script>", "b"]),
    "a size without end": about("config", {"data": {"name": "folder", "resize": 10**9}}),
    "a network without end": about("network", {"widths": [16384] * 9}),
    "a depth without end": about("network", {"widths": [1] * 10_000}),
    "more weights than bytes": wide,
    "weights without content": weights(lambda weight: weight.to("meta")),
    "weights that are no numbers": weights(lambda weight: weight * float("nan")),
    "a pipe": None,
    "code": None,
    "a terabyte": None,
    "gigabytes packed": None,
}


@pytest.mark.parametrize("forgery", CHECKPOINTS)
def test_forged_checkpoints_are_refused_in_one_line(server, checkpoint, tmp_path, forgery):
    content = torch.load(checkpoint, weights_only=True)
    if CHECKPOINTS[forgery] is not None:
        CHECKPOINTS[forgery](content)
        torch.save(content, checkpoint)
    elif forgery == "a pipe":
        checkpoint.unlink()
        os.mkfifo(checkpoint)
    elif forgery == "gigabytes packed":
        with (
            zipfile.ZipFile(checkpoint) as archive,
            zipfile.ZipFile(tmp_path / "packed", "w", zipfile.ZIP_DEFLATED) as out,
        ):
            for entry in archive.infolist():
                data = bytes(2**27) if entry.filename.endswith("data/0") else archive.read(entry)
                out.writestr(entry.filename, data)
        os.replace(tmp_path / "packed", checkpoint)
    else:
        torch.save(
            content | {"more": Code(tmp_path / "touched") if forgery == "code" else Huge()},
            checkpoint,
        )
    assert checkpoint.name in refused(server, checkpoint, tmp_path)
    assert not (tmp_path / "touched").exists()


def refused(server, model, tmp_path):
    """Predicting with it ends in one line, with nothing written."""
    image = save(tmp_path / "image.png", noise(20, 30))
    words = ["predict", model, image, "--output", tmp_path / "out"]
    answer = server.run(words, action="command", limit=30, memory=4 * GIBI)
    assert answer["code"] in (1, 2), answer
    lines = answer["output"].strip().splitlines()
    assert "Traceback" not in answer["output"], answer
    assert answer["code"] == 1 or (len(lines) == 1 and lines[0].startswith("error: ")), answer
    assert answer["memory"] < 4 * GIBI
    assert not list((tmp_path / "out").rglob("*.png"))
    return answer["output"]


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    network = as_trained({"name": "transpose"})
    write_export(
        network,
        make_metadata(network),
        "onnx",
        path := tmp_path_factory.mktemp("export") / "model.onnx",
    )
    return path


def three_classes(model, stored):
    values = json.loads(stored.value)
    values["network"]["num_classes"], values["classes"] = 3, ["a", "b", "c"]
    values["colours"] = [[0, 0, 0], [1, 1, 1], [2, 2, 2]]
    stored.value = json.dumps(values)


def other_output(model, stored):
    stored.value = json.dumps(json.loads(stored.value) | {"output": "classes"})


def deep(model, stored):
    stored.value = '{"config":' * 100_000 + "0" + "}" * 100_000


def long(model, stored):
    stored.value = json.dumps(json.loads(stored.value) | {"environment": {"a": "x" * 2**23}})


def elsewhere(model, stored):
    weight = model.graph.initializer[0]
    weight.ClearField("raw_data")
    weight.data_location = 1
    weight.external_data.add(key="location", value="../../../../../../etc/passwd")


def no_numbers(model, stored):
    for weight in model.graph.initializer:
        if weight.data_type == 1 and weight.raw_data:
            weight.raw_data = np.full(len(weight.raw_data) // 4, np.nan, np.float32).tobytes()


@pytest.mark.parametrize("forge", [three_classes, other_output, deep, long, elsewhere, no_numbers])
def test_forged_exports_are_refused_in_one_line(server, exported, tmp_path, forge):
    import onnx

    model = onnx.load(exported)
    forge(model, model.metadata_props[0])
    (tmp_path / "model.onnx").write_bytes(model.SerializeToString())
    said = refused(server, tmp_path / "model.onnx", tmp_path)
    assert "model.onnx" in said or "image.png" in said, said


def test_odd_files_among_images_are_named_and_the_others_are_done(server, checkpoint, tmp_path):
    place = tmp_path / "images"
    save(place / "good.png", noise(20, 30))
    (place / "postscript.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    os.mkfifo(place / "pipe.png")
    (place / "dangling.png").symlink_to("nowhere.png")
    (place / "loop.png").symlink_to("loop.png")
    (place / "folder.png").mkdir()
    Path(os.fsdecode(bytes(place) + b"/\xff.png")).write_bytes(b"no image")
    Image.fromarray(noise(9, 9)).save(
        place / "pages.tif", save_all=True, append_images=[Image.fromarray(noise(9, 9))]
    )
    frames = [Image.fromarray(noise(9, 9, seed=seed)) for seed in (0, 1)]
    frames[0].save(place / "moving.gif", save_all=True, append_images=frames[1:])
    Image.fromarray(noise(9, 9)).save(
        place / "frames.png", save_all=True, append_images=[Image.fromarray(noise(9, 9))]
    )
    header = noise(1, 1)
    Image.fromarray(header).save(place / "bomb.png")
    content = bytearray((place / "bomb.png").read_bytes())
    content[16:24] = (60_000).to_bytes(4) * 2
    (place / "bomb.png").write_bytes(content)
    answer = server.run(
        ["predict", checkpoint, place, "--output", tmp_path / "out"],
        action="command",
        limit=60,
        memory=4 * GIBI,
    )
    assert answer["code"] == 1, answer
    assert "Traceback" not in answer["output"]
    names = ("postscript", "pipe", "dangling", "loop", "pages", "frames", "moving", "bomb", "udcff")
    assert all(name in answer["output"] for name in names), answer["output"]
    assert [path.name for path in (tmp_path / "out" / "masks").iterdir()] == ["good.png"]
