import pytest
import torch
from torch.nn import functional as F

from docbin_napari.model.calibration import Calibration, fit_calibration


def test_an_overconfident_network_is_cooled_down():
    torch.manual_seed(0)
    honest = torch.randn(20_000) * 2
    ink = torch.rand(20_000) < torch.sigmoid(honest)
    fitted = fit_calibration(honest * 3 + 1.5, ink)
    assert fitted.temperature == pytest.approx(3, rel=0.1)
    assert fitted.bias == pytest.approx(-0.5, abs=0.1)


def test_the_fit_is_never_worse_than_none():
    torch.manual_seed(1)
    logits, ink = torch.randn(500), torch.rand(500) < 0.3
    fitted = fit_calibration(logits, ink)
    before = F.binary_cross_entropy(Calibration().probability(logits), ink.float())
    after = F.binary_cross_entropy(fitted.probability(logits), ink.float())
    assert after <= before


def test_a_network_that_is_wrong_throughout_is_left_as_it_is():
    logits = torch.linspace(-3, 3, 100)
    assert fit_calibration(logits, logits < 0) == Calibration()


def test_no_pixel_no_fit():
    with pytest.raises(ValueError, match="no labelled pixel"):
        fit_calibration(torch.empty(0), torch.empty(0, dtype=torch.bool))


def test_a_temperature_is_positive():
    with pytest.raises(ValueError, match="positive"):
        Calibration(temperature=0)
