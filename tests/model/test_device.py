import pytest
import torch

from docbin_napari.model import engine
from docbin_napari.model.engine import DeviceError, choose_device


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
    with pytest.raises(DeviceError, match="use cpu or auto as device"):
        choose_device(name)


@pytest.mark.parametrize(
    ("units", "dtype", "words"),
    [({"BF16", "FP32"}, "bfloat16", "has bfloat16"), ({"FP32"}, "float32", "no bfloat16")],
)
def test_the_cpu_takes_the_format_that_it_has_units_for(units, dtype, words, monkeypatch):
    monkeypatch.setattr(engine, "capabilities", lambda: units)
    monkeypatch.setattr(engine, "_torch_takes_bfloat16", lambda: True)
    chosen = choose_device("cpu")
    assert chosen.dtype == dtype
    assert words in chosen.reason


def test_auto_falls_back_to_the_cpu_and_says_so(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.setattr(engine, "may_have_gpu", lambda: True)
    chosen = choose_device("auto")
    assert chosen.name == "cpu"
    assert "no GPU" in chosen.reason
