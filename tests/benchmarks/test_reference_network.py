import numpy as np
import pytest
import torch

from docbin_napari.model.unet import count_parameters
from reference_network import WINDOW, ReferenceNetwork, ReferenceWorkload


@pytest.fixture(scope="module")
def workload():
    return ReferenceWorkload("cpu")


def test_as_many_parameters_as_described():
    """6.5 million as Keras counts them: with the means and variances of the batch norms."""
    network = ReferenceNetwork()
    moving = sum(buffer.numel() for name, buffer in network.named_buffers() if "running" in name)
    assert count_parameters(network) + moving == pytest.approx(6.5e6, rel=0.005)


def test_the_encoder_is_the_one_of_the_paper():
    """MobileNetV2 has 2,223,872 parameters before the classifier, 412,160 in the layer left out."""
    network = ReferenceNetwork()
    encoder = count_parameters(network.stem) + count_parameters(network.encoder)
    assert encoder == 2_223_872 - 412_160


def test_logits_are_as_large_as_the_window():
    with torch.inference_mode():
        assert ReferenceNetwork().eval()(torch.zeros(1, 3, 64, 96)).shape == (1, 1, 64, 96)


def test_every_pixel_of_a_page_is_computed(workload):
    page = np.full((WINDOW + 1, 40, 3), 200, np.uint8)
    probability = workload.probability(page)
    assert probability.shape == page.shape[:2]
    assert probability.min() > 0


def test_flips_are_turned_back(workload):
    """The average over the flips sees an upside-down window as the same window upside down."""
    page = np.random.default_rng(0).integers(0, 256, (WINDOW, WINDOW, 3), np.uint8)
    turned = workload.probability(np.ascontiguousarray(page[::-1]))[::-1]
    np.testing.assert_allclose(turned, workload.probability(page), atol=1e-5)
