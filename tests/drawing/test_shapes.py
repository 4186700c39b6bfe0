from __future__ import annotations

import numpy as np
import pytest

from docbin_napari.drawing import shapes
from docbin_napari.drawing.lettering import Hand, write_word
from docbin_napari.drawing.strokes import joined, rasterize, stroke
from docbin_napari.drawing.text import Box

SHAPE = (120, 160)


def covered(strokes, shape=SHAPE):
    return rasterize(strokes, shape)[0] >= 0


def box_of(flags):
    rows, columns = np.flatnonzero(flags.any(1)), np.flatnonzero(flags.any(0))
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1])


@pytest.mark.parametrize("thickness", [3, 20, 70])
def test_a_bar_is_a_rectangle_without_round_ends(thickness):
    flags = covered(shapes.bar((20.5, 59.5), (120.5, 59.5), thickness))
    assert box_of(flags)[2:] == (21, 120)
    assert flags.sum() == pytest.approx(100 * thickness, rel=0.02 if thickness > 3 else 0.35)
    top, bottom, left, right = box_of(flags)
    assert flags[top : bottom + 1, left : right + 1].all()


def test_a_turned_bar_has_the_same_area():
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    level = shapes.bar((-40, 0), (40, 0), 30)
    straight = covered(level.moved(80.5, 60.5)).sum()
    assert covered(level.mapped(turn).moved(80, 60)).sum() == pytest.approx(straight, rel=0.02)


def test_flat_ends_of_one_stroke_do_not_cut_another():
    round_one = stroke([(20, 60), (140, 60)], 8)
    flags = covered(joined([shapes.bar((60, 60), (100, 60), 30), round_one]))
    assert flags[60, 14:147].all()


def test_a_filled_box_is_filled_whichever_side_is_longer():
    for box in (Box(20.5, 30.5, 120.5, 60.5), Box(60.5, 10.5, 80.5, 110.5)):
        flags = covered(shapes.filled(box))
        assert flags.sum() == pytest.approx(box.width * box.height, rel=0.01)
        assert flags[int(box.top) + 1 : int(box.bottom), int(box.left) + 1 : int(box.right)].all()


@pytest.mark.parametrize("kind", shapes.BULLETS)
@pytest.mark.parametrize("half", [2.0, 40.0])
def test_bullets_are_solid_and_as_large_as_they_are_said_to_be(kind, half):
    flags = covered(shapes.bullet(kind, (80.4, 60.4), half))
    top, bottom, left, right = box_of(flags)
    assert flags[60, 80]
    assert max(bottom - top, right - left) == pytest.approx(2 * half, abs=0.35 * half + 1)
    share = {"disc": 0.785, "square": 1.0, "diamond": 0.605, "triangle": 0.5, "dash": 0.35}
    assert flags.sum() == pytest.approx(share[kind] * 4 * half * half, rel=0.05, abs=7)


def test_a_scribble_covers_its_box_but_for_the_edges():
    box = Box(40, 30, 100, 90)
    flags = covered(shapes.scribble(np.random.default_rng(1), box, 8.0))
    assert flags[45:75, 55:85].mean() > 0.85
    assert not flags[:15].any()


def test_large_type_has_flat_ends_and_keeps_its_height():
    face = Hand(script="sans", x_height=60, pen=20, contrast=0, slant=0, jitter=0)
    flags = covered(write_word(np.random.default_rng(0), face, "I")[0].moved(40, 110))
    top, bottom, _, _ = box_of(flags)
    widths = flags[top : bottom + 1].sum(1)
    assert widths[0] > 15
    assert widths[-1] > 15
    assert bottom - top == pytest.approx(1.4 * 60 + 20, abs=12)


def test_closed_letters_of_large_type_have_no_seam():
    face = Hand(script="sans", x_height=60, pen=20, contrast=0, slant=0, jitter=0)
    flags = covered(write_word(np.random.default_rng(0), face, "O")[0].moved(40, 110))
    _, _, left, right = box_of(flags)
    mirrored = flags[:, left : right + 1][:, ::-1]
    assert (flags[:, left : right + 1] != mirrored).mean() < 0.05


@pytest.mark.parametrize("letter", ["M", "W", "N", "V"])
def test_corners_of_large_type_do_not_swing_out(letter):
    face = Hand(script="sans", x_height=60, pen=10, contrast=0, slant=0, jitter=0.02)
    flags = covered(write_word(np.random.default_rng(0), face, letter)[0].moved(20, 110))
    top, bottom, _, _ = box_of(flags)
    tall = write_word(np.random.default_rng(0), face, "I")[0].moved(20, 110)
    stem_top, stem_bottom, _, _ = box_of(covered(tall))
    assert top >= stem_top - 2
    assert bottom <= stem_bottom + 2
