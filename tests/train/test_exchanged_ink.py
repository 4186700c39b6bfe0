"""Windows without their ink, and with that of another."""

import numpy as np
import pytest
import torch

from docbin_napari.train import exchanged_ink
from docbin_napari.train.exchanged_ink import exchange_ink

SIDE = 96


def pages() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two written windows: one line each, on paper of another tone, with a pale stain below."""
    pixels, truth = torch.empty(2, 3, SIDE, SIDE), torch.zeros(2, 2, SIDE, SIDE)
    truth[:, 1] = 1
    known = torch.empty(2, 7)
    for index, (paper, ink, row) in enumerate([(220.0, 40.0, 20), (160.0, 80.0, 48)]):
        pixels[index] = paper
        pixels[index, :, 74:80] = paper - 60
        pixels[index, :, row : row + 4, 10:80] = ink
        truth[index, 0, row : row + 4, 10:80] = 1
        known[index] = torch.tensor([ink] * 3 + [paper] * 3 + [100.0 + index])
    return pixels, truth, known


def changed(monkeypatch, seed: int = 0, **chances: float) -> tuple[torch.Tensor, ...]:
    for name, value in chances.items():
        monkeypatch.setattr(exchanged_ink, name, value)
    pixels, truth, known = pages()
    pixels, page = exchange_ink(pixels, truth, known, 1, np.random.default_rng(seed))
    return pixels, truth, page


def test_what_is_left_without_ink_is_paper_and_its_stains(monkeypatch):
    pixels, truth, page = changed(monkeypatch, _EXCHANGED=0, _WHOLE=1, _PALED=0)
    assert not truth[:, 0].any()
    assert truth[:, 1].all()
    assert torch.equal(page, pages()[2])
    was = pages()[0]
    assert torch.equal(pixels[0, :, 60:], was[0, :, 60:]), "stains stay as they are"
    assert pixels[0, :, 20:24, 10:80].min() >= 155, "stains may be copied into a hole, but no ink"
    assert pixels[0, :, 20:24, 10:80].median() > 210


@pytest.mark.parametrize("seed", range(5))
def test_beyond_a_line_ink_goes_and_before_it_stays(monkeypatch, seed):
    pixels, truth, _ = changed(monkeypatch, seed, _EXCHANGED=0, _WHOLE=0)
    written = pages()[1]
    kept = truth[:, 0] > 0
    gone = (written[:, 0] > 0) & ~kept
    assert not (kept & (written[:, 0] == 0)).any()
    for index, ink in enumerate((40, 80)):
        sure = kept[index] & (truth[index, 1] > 0)
        assert (pixels[index, 0][sure] == ink).all()
        assert (pixels[index, 0][gone[index] & (truth[index, 1] > 0)] > ink).all()
    assert (truth[:, 1] == 0).float().mean() < 0.05, "hardly anything is left open"


def test_ink_of_another_darkens_the_paper_as_it_did_its_own(monkeypatch):
    pixels, truth, page = changed(monkeypatch, _EXCHANGED=1)
    _, written, known = pages()
    assert torch.equal(truth[0, 0], written[1, 0])
    assert torch.equal(truth[1, 0], written[0, 0])
    first, second = pixels[0, 0][written[1, 0] > 0], pixels[1, 0][written[0, 0] > 0]
    assert first.median() == pytest.approx(220 * 80 / 160, abs=25)
    assert second.median() == pytest.approx(160 * 40 / 220, abs=12)
    assert page[:, 6].tolist() == known[[1, 0], 6].tolist(), "cut as its own ground truth cuts"
    assert page[0, 0].item() == pytest.approx(first.median().item(), abs=8)


def test_windows_without_ink_and_black_ones_stay(monkeypatch):
    pixels, truth, known = pages()
    truth[0, 0] = 0
    truth[1, 0] = 1
    was = pixels.clone()
    found, page = exchange_ink(pixels, truth, known, 1, np.random.default_rng(0))
    assert torch.equal(found, was)
    assert torch.equal(page, known)


def test_unknown_colours_stay_unknown():
    pixels, truth, known = pages()
    known[:] = torch.nan
    found, page = exchange_ink(pixels, truth, known, 1, np.random.default_rng(1))
    assert page.isnan().all()
    assert found.isfinite().all()
