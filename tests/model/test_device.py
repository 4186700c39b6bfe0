import pytest
import torch

from docbin_napari.model import device as device_module
from docbin_napari.model.device import DeviceError, choose_device


def test_an_unknown_name_is_refused_with_the_known_ones():
    with pytest.raises(DeviceError, match="cuda, mps"):
        choose_device("tpu")


@pytest.mark.parametrize(
    ("name", "there"),
    [("cuda", torch.cuda.is_available), ("mps", torch.backends.mps.is_available)],
)
def test_a_device_that_is_not_there_is_refused(name, there, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    with pytest.raises(DeviceError, match="--device cpu"):
        choose_device(name)


@pytest.mark.parametrize(
    ("gain", "dtype", "words"),
    [(4.0, "bfloat16", "4.0 times"), (0.7, "float32", "no gain"), (0.0, "float32", "no bfloat16")],
)
def test_the_cpu_takes_the_format_that_is_faster(gain, dtype, words, monkeypatch):
    monkeypatch.setattr(device_module, "bfloat16_gain", lambda: gain)
    chosen = choose_device("cpu")
    assert chosen.dtype == dtype
    assert words in chosen.reason


def test_auto_falls_back_to_the_cpu_and_says_so(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    chosen = choose_device("auto")
    assert chosen.name == "cpu"
    assert "no GPU" in chosen.reason


def test_a_cpu_without_bfloat16_units_has_no_gain(monkeypatch):
    device_module.bfloat16_gain.cache_clear()
    monkeypatch.setattr("torch.ops.mkldnn._is_mkldnn_bf16_supported", lambda: False, raising=False)
    try:
        assert device_module.bfloat16_gain() == 0
    finally:
        device_module.bfloat16_gain.cache_clear()
