"""The same figures as other implementations give."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from docbin_napari.metrics import score_page

VECTORS = Path(__file__).parents[3] / "shared" / "metric_vectors.json"


def _ink(rows):
    return np.array([[cell == "#" for cell in row] for row in rows])


@pytest.mark.skipif(not VECTORS.exists(), reason="needs ../shared/metric_vectors.json")
def test_vectors_of_the_official_generator():
    vectors = {k: v for k, v in json.loads(VECTORS.read_text()).items() if not k.startswith("_")}
    assert len(vectors) == 12
    for name, vector in vectors.items():
        scores = score_page(_ink(vector["binary"]), _ink(vector["gt"]))
        expected = vector["metrics"]
        for key, figure in {
            "fm": scores.f_measure,
            "psnr": scores.psnr,
            "drd": scores.drd,
            "rec": scores.recall,
            "prec": scores.precision,
            "nrm": scores.nrm,
        }.items():
            if expected[key] is None:
                assert not math.isfinite(figure), (name, key)
            else:
                assert figure == pytest.approx(expected[key], abs=2e-6, rel=1e-6), (name, key)


@pytest.mark.parametrize("seed", range(6))
def test_doxapy_on_random_pages(seed):
    """doxapy wants ink = 0 and gives nonsense, without a word, when it is the other way round."""
    doxapy = pytest.importorskip("doxapy", reason="needs doxapy")
    random = np.random.default_rng(seed)
    truth = random.random(random.integers(9, 70, 2)) < random.uniform(0.05, 0.6)
    prediction = truth ^ (random.random(truth.shape) < random.uniform(0.01, 0.3))
    oracle = doxapy.calculate_performance(
        *(np.where(ink, 0, 255).astype(np.uint8) for ink in (truth, prediction))
    )
    scores = score_page(prediction, truth)
    assert scores.f_measure == pytest.approx(oracle["fm"])
    assert scores.psnr == pytest.approx(oracle["psnr"])
    assert scores.nrm == pytest.approx(oracle["nrm"])
    assert scores.drd == pytest.approx(oracle["drdm"], rel=1e-6)
