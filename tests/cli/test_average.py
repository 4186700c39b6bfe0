"""The mean of models: of their weights, and a model as good as any that was trained."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from docbin_napari.cli import main
from docbin_napari.model.ink_model import PLAIN, load_model, load_network, save_model
from docbin_napari.model.model_file import ModelError, find_model
from docbin_napari.model.unet import UNet, UNetConfig
from docbin_napari.train.dataset import load_pairs
from docbin_napari.train.start import mean_network
from docbin_napari.train.validate import validate


def a_network(seed, channels=(8, 8)):
    torch.manual_seed(seed)
    network = UNet(UNetConfig(2, channels, 1, page_ink=True))
    for value in network.state_dict().values():
        if value.is_floating_point():
            value.normal_()
    return network


def test_each_weight_is_the_mean_by_the_shares():
    networks = [a_network(1), a_network(2)]
    before = [{k: v.clone() for k, v in network.state_dict().items()} for network in networks]
    mean = mean_network(networks, (1, 3)).state_dict()
    for name, value in mean.items():
        expected = 0.25 * before[0][name].double() + 0.75 * before[1][name].double()
        torch.testing.assert_close(value, expected.to(value.dtype))
    equal = mean_network([a_network(1), a_network(2)]).state_dict()
    other = mean_network([a_network(1), a_network(2)], (7, 7)).state_dict()
    assert all(torch.equal(value, other[name]) for name, value in equal.items())


@pytest.mark.parametrize("shares", [(1,), (0, 0), (-1, 2), (1, math.nan), (1, math.inf)])
def test_shares_that_make_no_mean_are_refused(shares):
    with pytest.raises(ValueError, match="a number of 0 or more for each of the 2 models"):
        mean_network([a_network(1), a_network(2)], shares)


@pytest.mark.parametrize("option", ["--models", "--train", "--validate"])
def test_what_is_needed_and_empty_is_named(arguments, option, capsys):
    where = arguments.index(option) + 1
    values = 2 if option == "--models" else 1
    assert main([*arguments[:where], *arguments[where + values :]]) == 2
    assert f"error: {option}: " in capsys.readouterr().err


def test_networks_that_are_not_alike_are_refused():
    with pytest.raises(ModelError, match="different architectures"):
        mean_network([a_network(1), a_network(2, (8, 16))])


@pytest.fixture
def arguments(dark_model, two_archives, tmp_path):
    """A mean of a model that can read dark pages, and of one that reads nothing."""
    info = find_model(str(dark_model))
    network = load_network(info)
    for value in network.parameters():
        value.data.zero_()
    save_model(tmp_path / "nothing.safetensors", network, {**PLAIN, "title": "Nothing"})
    dark = str(two_archives / "dark")
    return [
        "average",
        *("--models", str(tmp_path / "nothing.safetensors"), str(dark_model)),
        *("--train", dark, "--validate", dark, "--output", str(tmp_path / "mean.safetensors")),
        *("--device", "cpu"),
    ]


def test_the_model_is_finished_on_held_out_pages(arguments, dark_model, tmp_path, capsys):
    as_they_are = ["--shares", "0", "1", "--windows", "0"]
    assert main([*arguments, *as_they_are, "--title", "As before"]) == 0
    said = capsys.readouterr().out
    model, before = (
        load_model(str(path), "cpu") for path in (tmp_path / "mean.safetensors", dark_model)
    )
    assert f"wrote {model.info.path}" in said
    header = model.info.header
    assert (header["title"], header["shares"]) == ("As before", [0.0, 1.0])
    assert header["mean_of"] == ["nothing", before.info.name]
    for name in ("threshold", "calibration", "edge_level", "figures", "pages_seen"):
        assert json.dumps(header[name]) == json.dumps(before.info.header[name]), name
    weights = load_network(model.info).state_dict()
    for name, value in load_network(before.info).state_dict().items():
        np.testing.assert_allclose(weights[name], value, atol=1e-6)


def test_a_model_may_be_a_file_of_this_folder(arguments, tmp_path, monkeypatch):
    """Such as ``--output mean.safetensors``; what a broken-off fine-tuning left there stays."""
    monkeypatch.chdir(tmp_path)
    left = Path("mean.safetensors.unfinished")
    left.write_text("the best weights so far")
    for output in ("mean.safetensors", "./other.safetensors"):
        where = arguments.index("--output") + 1
        arguments[where] = output
        assert main([*arguments, "--windows", "0", "--shares", "0", "1"]) == 0
        assert find_model(output).header["mean_of"]
    assert left.read_text() == "the best weights so far"


def test_the_statistics_of_batch_norms_are_measured_anew(
    arguments, dark_model, two_archives, tmp_path
):
    network, pairs = load_network(find_model(str(dark_model))), load_pairs([two_archives / "dark"])
    for part in network.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean += 3
            part.running_var *= 25
    spoilt = tmp_path / "spoilt.safetensors"
    save_model(spoilt, network, PLAIN)
    where = arguments.index("--models")
    arguments[where + 1 : where + 3] = [str(spoilt)]
    figures = {}
    for windows in ("0", "64"):
        new = tmp_path / f"of-{windows}.safetensors"
        size = ["--windows", windows, "--window", "64", "--output", str(new)]
        assert main([*arguments, *size]) == 0
        figures[windows] = validate(load_model(str(new), "cpu"), pairs).f_measure
    good = validate(load_model(str(dark_model), "cpu"), pairs).f_measure
    assert figures["0"] < good - 20
    assert figures["64"] > good - 5


def test_what_cannot_be_done_is_one_line(arguments, tmp_path, capsys):
    for more, words in (
        (["--shares", "1"], "--shares: give a number"),
        (["--models", "nosuch", "general-1"], "nosuch"),
        (["--window", "63"], "--window: choose a multiple of"),
        (["--windows", "-1"], "windows"),
        (["--weights", "nosuch=2"], "--weights: there is no collection nosuch"),
        (["--validate", str(tmp_path / "none")], str(tmp_path / "none")),
    ):
        assert main([*arguments, *more]) == 2
        said = capsys.readouterr().err
        assert words in said
        assert said.count("\n") == 1
    (tmp_path / "mean.safetensors").touch()
    assert main(arguments) == 2
    assert "there is already a model of this name" in capsys.readouterr().err
