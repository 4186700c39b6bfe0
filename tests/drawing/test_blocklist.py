from __future__ import annotations

from codecs import decode, encode
from pathlib import Path

import numpy as np
import pytest

from docbin_napari.drawing import text
from docbin_napari.drawing.text import invent_word, is_readable


@pytest.mark.parametrize("word", ["fuvg", "ohyyfuvg", "FUVG!", "Fu'vg", "nff", "zreqr", "fpurvffr"])
def test_words_that_nobody_wants_are_refused_however_they_are_written(word):
    assert not is_readable(decode(word, "rot13"))


@pytest.mark.parametrize("word", ["glass", "Massif", "1847", "ploug,", "", "classic"])
def test_words_that_contain_short_ones_are_kept(word):
    assert is_readable(word)


def test_no_invented_word_is_on_the_list_though_syllables_make_some():
    rng = np.random.default_rng(0)
    raw = [text._word(rng) for _ in range(4000)]
    assert not all(map(is_readable, raw))
    rng = np.random.default_rng(0)
    assert all(is_readable(invent_word(rng)) for _ in range(4000))


def test_a_cut_word_is_checked_after_it_was_cut():
    rng = np.random.default_rng(3)
    words = [invent_word(rng, longest=3) for _ in range(4000)]
    assert max(map(len, words)) == 3
    assert all(map(is_readable, words))


def test_the_list_is_not_to_be_read_in_the_source():
    source = Path(text.__file__).with_name("unwanted_words.txt").read_text("utf-8")
    listed = text._PARTS | {word for word in text._WORDS if len(word) > 3}
    assert encode(min(text._PARTS), "rot13") in source
    assert listed.isdisjoint(source.split())
