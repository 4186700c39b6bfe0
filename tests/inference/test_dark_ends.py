"""Boards and the ground of a scanner at the end of an image stay white."""

from types import SimpleNamespace

import numpy as np
import pytest

from docbin_napari.inference import predict as predict_module
from docbin_napari.inference.dark_ends import PageEnd, clear_dark_ends, page_ends
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.predict import ink_probability
from docbin_napari.inference.windows import plan_page

SIDES = {"top": 0, "right": 1, "bottom": 2, "left": 3}


def reader(dark=128.0):
    """Takes what is dark for ink, unless black touches it."""

    def logits(windows):
        [window] = windows
        black = (window.max(axis=2) == 0).any()
        return np.where((window.mean(axis=2) < dark) & ~black, 5.0, -5.0)[None].astype(np.float32)

    return SimpleNamespace(logits=logits, is_ink=lambda found: found >= 0, dark=dark, stride=32)


def page_with_a_board(side: str, thick: int = 10) -> np.ndarray:
    page = np.full((192, 256, 3), 220, np.uint8)
    page[60:70, 40:200] = 40
    np.rot90(page, SIDES[side])[:thick] = 60
    return page


def cleared(page: np.ndarray, ends: list[PageEnd]) -> np.ndarray:
    windows = page[None]
    found = reader().logits(windows)
    clear_dark_ends(reader(), windows, found, [ends])
    return found[0] > 0


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("beyond", [0, 5, 40])
def test_a_dark_strip_at_the_end_of_the_page_is_cleared_and_no_stroke_elsewhere(side, beyond):
    page = page_with_a_board(side)
    shown = np.rot90(np.rot90(page, SIDES[side]), 0)
    shown = np.concatenate([np.repeat(shown[:1], beyond, axis=0), shown])
    window = np.rot90(shown, -SIDES[side])
    found = cleared(window, [PageEnd(SIDES[side], beyond)])
    found = np.rot90(np.rot90(found, SIDES[side])[beyond:], -SIDES[side])
    assert found[60:70, 40:200].all()
    assert found.sum() == 10 * 160


def test_a_strip_at_the_end_of_a_window_that_is_none_of_the_page_stays():
    assert cleared(page_with_a_board("top"), []).sum() > 10 * 160
    assert cleared(page_with_a_board("top"), [PageEnd(SIDES["left"], 0)])[0].all()


def test_strokes_that_touch_the_end_of_the_page_stay():
    page = np.full((192, 256, 3), 220, np.uint8)
    page[:20, 100:140] = 40  # a stem that is cut
    assert cleared(page, [PageEnd(SIDES["top"], 0)])[:20, 100:140].all()


def test_windows_know_where_the_page_ends():
    rows, columns = plan_page((2600, 700), 1024, 0.1, 128)
    last = len(rows.starts) - 1
    assert len(columns.starts) == 1
    assert {end.turns for end in page_ends(rows, columns, 0, 0)} == {0, 1, 3}
    assert {end.turns for end in page_ends(rows, columns, 1, 0)} == {1, 3}
    ends = {end.turns: end.beyond for end in page_ends(rows, columns, last, 0)}
    assert ends == {
        1: columns.size - 700,
        2: rows.starts[-1] + rows.size - 2600,
        3: 0,
    }


def test_every_window_at_an_end_of_the_page_is_looked_at(tiny_model, monkeypatch):
    seen = []

    def note(reader, windows, logits, ends):
        seen.extend(zip(windows.copy(), ends, strict=True))
        logits[:] = 9

    monkeypatch.setattr(predict_module, "clear_dark_ends", note)
    page = np.random.default_rng(0).integers(1, 256, (150, 150, 3), np.uint8)
    found = ink_probability(page, tiny_model, InferenceConfig(window=96, overlap=0.1))
    assert found.min() > 0.99, "what was lowered is what counts"
    for window, ends in seen:
        for end in ends:
            outermost = np.rot90(window, end.turns)[end.beyond]
            line = np.rot90(page, end.turns)[0]
            assert any((line[at : at + 8] == outermost[40:48]).all() for at in range(142))
    assert sorted(end.turns for _, ends in seen for end in ends) == [0, 0, 1, 1, 2, 2, 3, 3]
