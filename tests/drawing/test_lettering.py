from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from docbin_napari.drawing.lettering import (
    ALPHABETS,
    Hand,
    invented_alphabet,
    write_foreign,
    write_word,
)
from docbin_napari.drawing.strokes import rasterize

MACHINE = Hand(script="sans", x_height=40, pen=6, contrast=0, slant=0, jitter=0)


def ink_of(hand: Hand, word: str) -> np.ndarray:
    strokes, _ = write_word(np.random.default_rng(0), hand, word)
    return rasterize(strokes.moved(20, 80), (120, 300))[0] >= 0


def test_alphabets_are_complete_and_on_their_grid():
    letters = set("abcdefghijklmnopqrstuvwxyz")
    running, upright = ALPHABETS["running"], ALPHABETS["upright"]
    assert set(running) == letters
    assert letters | {letter.upper() for letter in letters} | set("0123456789") <= set(
        ALPHABETS["upright"]
    )
    for glyph in [*upright.values(), *running.values()]:
        points = np.concatenate(glyph)
        assert points.min() >= -7
        assert points.max() <= 17


def test_small_letter_has_the_height_and_stroke_of_the_hand():
    rows = ink_of(MACHINE, "x").any(axis=1).nonzero()[0]
    assert np.ptp(rows) + 1 == pytest.approx(40 + 6, abs=1.5)
    stem = ink_of(MACHINE, "l")[50]
    assert stem.sum() == pytest.approx(6, abs=1)


def test_broad_nib_makes_level_strokes_thinner_than_stems():
    nib = replace(MACHINE, contrast=0.7, nib=0.0)
    ink = ink_of(nib, "L")
    stem_width = ink[50].sum()
    columns = ink.any(axis=0).nonzero()[0]
    foot = ink[60:, columns[-1] - 12].sum()
    assert foot < 0.6 * stem_width


def test_running_hand_joins_the_letters_of_a_word():
    from skimage.measure import label

    hand = Hand(x_height=30, pen=4, jitter=0)
    assert label(ink_of(hand, "nun"), connectivity=2).max() == 1
    assert label(ink_of(replace(hand, script="upright"), "nun"), connectivity=2).max() == 3


def test_typewriter_letters_are_equally_wide():
    hand = replace(MACHINE, script="typewriter")
    rng = np.random.default_rng(0)
    assert write_word(rng, hand, "iii")[1] == pytest.approx(write_word(rng, hand, "mmm")[1])


def test_unknown_letters_are_left_out():
    strokes, advance = write_word(np.random.default_rng(0), MACHINE, "§")
    assert len(strokes) == 0
    assert advance == 0


@pytest.mark.parametrize("script", ["nastaliq", "runes"])
def test_foreign_words_start_at_zero_and_fit_their_advance(script):
    hand = replace(MACHINE, script=script)
    for seed in range(20):
        strokes, advance = write_foreign(np.random.default_rng(seed), hand, 5)
        assert strokes.points[:, 0].min() > -0.3 * advance
        assert strokes.points[:, 0].max() < 1.3 * advance


def test_invented_alphabet_belongs_to_its_seed():
    one, same, other = (np.concatenate(invented_alphabet(s)[0]) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert one.shape != other.shape or (one != other).any()
