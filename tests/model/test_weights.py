import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save, save_file

from docbin_napari.model import unet
from docbin_napari.model.engine import EngineConfig
from docbin_napari.model.ink_model import load_model, load_network, save_model
from docbin_napari.model.model_file import (
    HEADER_KEY,
    ModelError,
    find_model,
    list_models,
    load_tensors,
)
from docbin_napari.model.openvino_engine import weights_digest
from docbin_napari.model.unet import UNet, UNetConfig


def test_a_model_comes_back_as_it_was_saved(tmp_path):
    torch.manual_seed(0)
    network = UNet(UNetConfig(channels=(8, 8))).eval()
    path = tmp_path / "one.safetensors"
    save_model(path, network, {"threshold": 0.3, "figures": {"FM": 91.5}})
    model = load_model(path, device="cpu")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    with torch.no_grad():
        expected = network((torch.from_numpy(pixels).permute(0, 3, 1, 2).float() - 170) / 60)[:, 0]
    got = torch.from_numpy(model.engine.logits(pixels, np.full(7, np.nan, np.float32)))
    torch.testing.assert_close(got, expected, rtol=0.05, atol=0.05)  # bfloat16 on some CPUs
    assert model.threshold == 0.3
    assert model.info.figures == {"FM": 91.5}
    assert [file.name for file in tmp_path.iterdir()] == ["one.safetensors"]


def test_a_compact_file_is_half_as_large_and_hardly_less_exact(tmp_path):
    torch.manual_seed(0)
    network = UNet(UNetConfig(channels=(32, 64))).eval()
    whole = save_model(tmp_path / "whole.safetensors", network, {"threshold": 0.5})
    compact = save_model(
        tmp_path / "compact.safetensors", network, {"threshold": 0.5}, compact=True
    )
    assert compact.path.stat().st_size < 0.6 * whole.path.stat().st_size
    exact = EngineConfig(precision="f32")
    pixels = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), np.uint8)
    expected, found = (
        load_model(info.path, "cpu", exact).engine.logits(pixels, np.full(7, np.nan, np.float32))
        for info in (whole, compact)
    )
    np.testing.assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())
    again = save_model(tmp_path / "again.safetensors", load_network(compact), {"threshold": 0.5})
    assert weights_digest(load_tensors(again)) == weights_digest(load_tensors(compact))


def test_damaged_weights_are_refused(tiny_model_file, tmp_path):
    path = tmp_path / "cut.safetensors"
    path.write_bytes(tiny_model_file.read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"cut\.safetensors: the weights are damaged"):
        load_model(path, device="cpu")


def test_a_network_of_another_version_is_refused(tiny_model_file, tmp_path):
    path = tmp_path / "future.safetensors"
    header = {"architecture": {"channels": [8, 8], "attention": True}, "threshold": 0.5}
    metadata = {HEADER_KEY: json.dumps({**header, "version": "9.0"})}
    save_file(load_file(tiny_model_file), path, metadata=metadata)
    with pytest.raises(ModelError, match="of a later version"):
        load_model(path, device="cpu")


def test_every_built_in_model_loads_and_describes_itself():
    built_in = [info for info in list_models() if info.path.parent.name == "weights"]
    assert built_in
    for info in built_in:
        model = load_model(info.name, device="cpu")
        assert 0 < model.threshold < 1
        assert info.size <= 16 * 2**20
        assert info.training_data != "not stated"
        assert info.figures
        assert info.path.with_suffix(".md").is_file(), "every model has a card"


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
@pytest.mark.parametrize("name", ["exit.bias", "entrance.norm.running_mean"])
def test_weights_that_are_no_numbers_are_refused(tmp_path, tiny_model_file, name, value):
    with pytest.raises(ModelError, match="weights are damaged"):
        load_model(changed(tiny_model_file, tmp_path, values={name: value}), "cpu")


def test_a_variance_below_zero_is_refused(tmp_path, tiny_model_file):
    path = changed(tiny_model_file, tmp_path, values={"entrance.norm.running_var": -1.0})
    with pytest.raises(ModelError, match="weights are damaged"):
        load_model(path, "cpu")


@pytest.mark.parametrize(
    "architecture",
    [
        {"fold": 2, "channels": [4096] * 8},
        {"fold": 2, "channels": [8, 8], "blocks": 256},
        {"fold": 8, "channels": [8, 8]},
        {"fold": 2, "channels": [8, 8, 8]},
    ],
)
def test_an_architecture_that_the_file_does_not_hold_is_not_built(
    tmp_path, tiny_model_file, architecture, monkeypatch
):
    path = changed(tiny_model_file, tmp_path, header={"architecture": architecture})
    info = find_model(path)
    monkeypatch.setattr(unet.UNet, "__init__", lambda *_: pytest.fail("a network was built"))
    for load in (lambda: load_model(path, "cpu"), lambda: load_network(info)):
        with pytest.raises(ModelError, match="do not fit its architecture"):
            load()


@pytest.mark.parametrize("name", ["up.0.conv.weight", "exit.bias", "entrance.norm.weight", "more"])
def test_tensors_that_are_missing_or_not_known_are_noticed(tmp_path, tiny_model_file, name):
    tensors = load_file(tiny_model_file)
    if tensors.pop(name, None) is None:
        tensors[name] = torch.zeros(3)
    metadata = {HEADER_KEY: json.dumps(find_model(tiny_model_file).header)}
    path = tmp_path / "other.safetensors"
    save_file(tensors, path, metadata=metadata)
    with pytest.raises(ModelError, match=rf"\({name}: (nothing|\(3,\)) instead of "):
        load_model(path, "cpu")


@pytest.mark.parametrize("config", [UNetConfig(1, (8,)), UNetConfig(4, (8, 16, 4), 2, True)])
def test_the_tensors_of_an_architecture_are_those_of_its_network(config):
    found = {name: tuple(value.shape) for name, value in UNet(config).state_dict().items()}
    assert config.tensors() == found


def changed(model, folder, values=None, header=None):
    """A copy of a model file with other values."""
    tensors = load_file(model)
    for name, value in (values or {}).items():
        tensors[name] = torch.full_like(tensors[name], value)
    words = {**find_model(model).header, **(header or {})}
    path = folder / "changed.safetensors"
    path.write_bytes(save(tensors, metadata={"docbin": json.dumps(words)}))
    return path
