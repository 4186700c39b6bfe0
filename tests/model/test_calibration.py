import numpy as np
import pytest

from docbin_napari.model.ink_model import Calibration, fit_calibration


def test_an_overconfident_network_is_cooled_down():
    random = np.random.default_rng(0)
    honest = random.normal(0, 2, 20_000).astype(np.float32)
    ink = random.random(20_000) < Calibration().probability(honest)
    fitted = fit_calibration(honest * 3 + 1.5, ink)
    assert fitted.temperature == pytest.approx(3, rel=0.1)
    assert fitted.bias == pytest.approx(-0.5, abs=0.1)


def test_the_fit_is_never_worse_than_none():
    random = np.random.default_rng(1)
    logits, ink = random.normal(size=500).astype(np.float32), random.random(500) < 0.3

    def likelihood(calibration):
        probability = calibration.probability(logits)
        return np.log(np.where(ink, probability, 1 - probability)).sum()

    assert likelihood(fit_calibration(logits, ink)) >= likelihood(Calibration())


def test_logits_that_leave_no_doubt_are_no_overflow():
    extreme = np.array([-1e4, -100, 100, 1e4], np.float32)
    assert Calibration().probability(extreme).round(6).tolist() == [0, 0, 1, 1]


def test_a_network_that_is_wrong_throughout_is_left_as_it_is():
    logits = np.linspace(-3, 3, 100, dtype=np.float32)
    assert fit_calibration(logits, logits < 0) == Calibration()


def test_no_pixel_no_fit():
    with pytest.raises(ValueError, match="no labelled pixel"):
        fit_calibration(np.zeros(0, np.float32), np.zeros(0, bool))
