"""The same figures as other implementations give."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from docbin_napari.metrics.scores import score_page

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
            "pfm": scores.weighted_pseudo_f_measure,
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


def _compare_with_doxapy(doxapy, seed):
    random = np.random.default_rng(seed)
    # With less ink than this there are 8 x 8 blocks whose only ink is in the last row or column:
    # doxapy 0.9.2 does not look there, and its DRD comes out too large.
    truth = random.random(random.integers(9, 70, 2)) < random.uniform(0.2, 0.6)
    prediction = truth ^ (random.random(truth.shape) < random.uniform(0.01, 0.3))
    oracle = doxapy.calculate_performance(
        *(np.where(ink, 0, 255).astype(np.uint8) for ink in (truth, prediction))
    )
    scores = score_page(prediction, truth)
    assert scores.f_measure == pytest.approx(oracle["fm"], abs=1e-4), seed
    assert scores.psnr == pytest.approx(oracle["psnr"], abs=1e-4), seed
    assert scores.nrm == pytest.approx(oracle["nrm"], abs=1e-4), seed
    assert scores.drd == pytest.approx(oracle["drdm"], abs=1e-4), seed


def test_doxapy_on_random_masks():
    """doxapy wants ink = 0 and gives nonsense, without a word, when it is the other way round."""
    doxapy = pytest.importorskip("doxapy", reason="needs doxapy")
    for seed in range(200):
        _compare_with_doxapy(doxapy, seed)
