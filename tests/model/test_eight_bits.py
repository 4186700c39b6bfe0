"""Networks in whole numbers, and when they are used."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from docbin_napari.model import openvino_engine
from docbin_napari.model.engine import DeviceError, EngineConfig
from docbin_napari.model.ink_model import load_model, load_network, save_model
from docbin_napari.model.model_file import load_tensors
from docbin_napari.model.openvino_engine import (
    EIGHT_BITS_KEY,
    EightBits,
    RangeObserver,
    weights_digest,
)
from docbin_napari.model.unet import UNet, UNetConfig

UNKNOWN = np.full(7, np.nan, np.float32)


@pytest.fixture
def windows() -> np.ndarray:
    """Strokes on paper with a little noise."""
    pixels = np.random.default_rng(0).integers(200, 230, (2, 128, 96, 3), np.uint8)
    pixels[:, ::12, 8:80] = 40
    pixels[:, 40:60, 20:24] = 90
    return pixels


@pytest.fixture
def form(plain_file, windows) -> EightBits:
    """What eight bits need to know of the network in `plain_file`, and that they cost little."""
    tensors = load_tensors(plain_file)
    watched = RangeObserver.load(plain_file, EngineConfig(precision="f32"))
    watched.logits(windows, UNKNOWN)
    return EightBits(weights_digest(tensors), watched.ranges(1.0), 0.02, 0.3, 40)


@pytest.fixture
def plain_file(tmp_path):
    torch.manual_seed(0)
    network = UNet(UNetConfig(channels=(16, 16, 16)))
    return save_model(tmp_path / "plain.safetensors", network, {"threshold": 0.5})


def with_form(plain, form, name="formed"):
    header = {"threshold": 0.5, EIGHT_BITS_KEY: form.to_header()}
    path = plain.path.with_name(f"{name}.safetensors")
    return save_model(path, load_network(plain), header).path


def test_whole_numbers_come_near_to_real_ones(plain_file, form, windows):
    path = with_form(plain_file, form)
    exact, rounded = (
        load_model(path, "cpu", EngineConfig(precision=precision)) for precision in ("f32", "int8")
    )
    expected, found = (model.engine.logits(windows, UNKNOWN) for model in (exact, rounded))
    assert rounded.device.dtype == "int8"
    error = np.abs(found - expected)
    assert error.max() > 0, "nothing was rounded"
    # Where sums saturate, the form is used on request only: 0.051 on one such processor.
    limit = 0.05 if openvino_engine.adds_eight_bits_exactly() else 0.06
    assert error.mean() < limit * expected.std()


@pytest.mark.parametrize(
    ("changes", "exactly", "words"),
    [
        ({}, True, "costs 0.02 FM"),
        ({}, False, "no eight-bit units"),
        ({"mean_loss": 0.11}, True, "int8 costs this model 0.11 FM"),
        ({"worst_loss": 0.6}, True, "int8 costs this model"),
    ],
)
def test_they_are_chosen_where_they_are_fast_and_cost_little(
    plain_file, form, changes, exactly, words, monkeypatch
):
    monkeypatch.setattr(openvino_engine, "adds_eight_bits_exactly", lambda: exactly)
    path = with_form(plain_file, replace(form, **changes))
    device = load_model(path, "cpu").device
    assert (device.dtype == "int8") == (exactly and not changes)
    assert words in device.reason
    assert load_model(path, "cpu", EngineConfig(precision="int8")).device.dtype == "int8"


def test_other_weights_under_the_same_header_have_no_such_form(plain_file, form):
    torch.manual_seed(1)
    header = {"threshold": 0.5, EIGHT_BITS_KEY: form.to_header()}
    other = save_model(
        plain_file.path.with_name("other.safetensors"),
        UNet(UNetConfig(channels=(16, 16, 16))),
        header,
    )
    assert load_model(other.path, "cpu").device.dtype != "int8"
    with pytest.raises(DeviceError, match="no int8 form: use --precision auto"):
        load_model(other.path, "cpu", EngineConfig(precision="int8"))


@pytest.mark.parametrize(
    "damage",
    [
        lambda stored: stored.update(ranges={"level.0": [0, None]}),
        lambda stored: stored.update(ranges={"level.0": [2, 1]}),
        lambda stored: stored.update(ranges=7),
        lambda stored: stored.update(mean_loss="much"),
        lambda stored: stored.pop("weights"),
        lambda stored: stored.update(later=True),
    ],
)
def test_a_form_that_makes_no_sense_is_none(plain_file, form, damage):
    stored = json.loads(json.dumps(form.to_header()))
    tensors = load_tensors(plain_file)
    assert EightBits.of({EIGHT_BITS_KEY: stored}, tensors) is not None
    damage(stored)
    assert EightBits.of({EIGHT_BITS_KEY: stored}, tensors) is None
    assert EightBits.of({}, tensors) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/cpuinfo")
def test_the_units_are_found_by_what_they_compute():
    from pathlib import Path

    flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    known = {"avx512_vnni", "avx_vnni", "amx_int8"}
    if "avx2" not in flags:
        pytest.skip("not an x86-64 processor")
    assert openvino_engine.adds_eight_bits_exactly() == bool(flags & known)
