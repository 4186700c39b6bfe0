import numpy as np
import pytest

from agreement import agreement
from docbin_napari.inference.classical import sauvola
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.predict import ink_probability
from docbin_napari.model.engine import Device
from docbin_napari.model.ink_model import load_network
from docbin_napari.model.model_file import find_model
from docbin_napari.model.torch_engine import torch_model
from peers import Monai, MonaiSettings, doxapy_sauvola


def test_doxapy_is_asked_for_the_same_threshold():
    pytest.importorskip("doxapy", reason="needs doxapy")
    page = np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8)
    assert (doxapy_sauvola(page) == sauvola(page)).mean() > 0.95


def test_monai_computes_the_same_network(tiny_model_file):
    """Away from borders of windows both give the same probability, whatever the blending."""
    pytest.importorskip("monai", reason="needs MONAI, of the group benchmarks")
    page = np.random.default_rng(0).integers(0, 256, (96, 128, 3), np.uint8)
    info = find_model(tiny_model_file)
    ours = torch_model(load_network(info), info, Device("cpu", "float32", "asked for"))
    config = InferenceConfig(window=128, symmetries=8)
    monai = Monai(str(tiny_model_file), MonaiSettings("cpu"))
    found = agreement(ink_probability(page, ours, config), monai.probability(page, config))
    assert found.largest < 0.01
