import re
from dataclasses import replace

import numpy as np
import pytest
import torch

from docbin_napari.features.survey import page_ink
from docbin_napari.io.errors import PairError
from docbin_napari.pairs.check import Finding, check_pairs
from docbin_napari.pairs.pair import write_pair
from docbin_napari.train.dataset import LoadedPair, WindowSampler, load_pairs
from docbin_napari.train.train_config import AugmentConfig

STILL = AugmentConfig(warp=0, mirror=0)
ALWAYS_WARPED = AugmentConfig(warp=1, mirror=0.5)


def test_all_collections_of_a_folder_are_read(collections):
    pairs = load_pairs([collections])
    assert [pair.name for pair in pairs] == [
        "letters/page0",
        "letters/page1",
        "letters/page2",
        "post/half",
    ]
    assert pairs[3].truth[:80, :, 1].min() == 255
    assert pairs[3].truth[80:, :, 1].max() == 0


def test_a_folder_without_pairs_is_named(tmp_path):
    with pytest.raises(PairError, match=str(tmp_path.name)):
        load_pairs([tmp_path])


@pytest.mark.parametrize("config", [STILL, ALWAYS_WARPED])
def test_ink_stays_where_the_page_is_dark(collections, config):
    sampler = WindowSampler(load_pairs([collections]), 96, {}, config)
    windows = sampler.batch(24, np.random.default_rng(0))
    pixels, truth = windows.pixels, windows.truth
    assert pixels.shape == (24, 3, 96, 96)
    assert truth.shape == (24, 2, 96, 96)
    known = truth[:, 1] == 1
    gray, ink = pixels.mean(1), truth[:, 0]
    assert gray[known & (ink > 0.95)].max() < 120
    assert gray[known & (ink < 0.05)].min() > 120


def test_each_window_knows_the_ink_of_its_page():
    truth = np.full((100, 100, 2), 255, np.uint8)
    pages = [np.full((100, 100, 3), paper, np.uint8) for paper in (200, 240)]
    for page in pages:
        page[20:24, 10:90] = page[0, 0] - 150
    pairs = [LoadedPair("c/p", "c", page, truth, page_ink([page]), 0.6) for page in pages]
    windows = WindowSampler(pairs, 64, {}, STILL).batch(12, np.random.default_rng(0))
    paper = windows.pixels.amax((1, 2, 3))
    assert set(paper.tolist()) == {200.0, 240.0}
    assert torch.equal(windows.ink[:, 3], paper)
    assert torch.equal(windows.ink[:, 0], paper - 150)
    assert (windows.ink[:, 6] == 153).all()


def test_a_blank_page_is_told_of_the_ink_that_it_seems_to_have():
    truth = np.zeros((100, 100, 2), np.uint8)
    truth[..., 1] = 255
    blank = LoadedPair("c/p", "c", np.zeros((100, 100, 3), np.uint8), truth, np.full(6, 90.0, "f4"))
    windows = WindowSampler([blank], 64, {}, STILL).batch(1, np.random.default_rng(0))
    assert windows.ink[0, :6].tolist() == [90] * 6
    assert 0 < windows.ink[0, 6] < 255


def test_the_same_seed_draws_the_same_windows(collections):
    sampler = WindowSampler(load_pairs([collections]), 64, {}, AugmentConfig())
    one, same, other = (sampler.batch(4, np.random.default_rng(s)).pixels for s in (5, 5, 6))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_a_factor_of_zero_leaves_a_collection_out(collections):
    sampler = WindowSampler(load_pairs([collections]), 64, {"letters": 0}, STILL)
    truth = sampler.batch(16, np.random.default_rng(0)).truth
    assert (truth[:, 1] == 0).any(), "only the half labelled page is left"
    with pytest.raises(ValueError, match="no collection to draw from"):
        WindowSampler(load_pairs([collections]), 64, {"letters": 0, "post": 0}, STILL)


def test_beyond_a_small_page_nothing_is_labelled():
    truth = np.full((20, 30, 2), 255, np.uint8)
    pair = LoadedPair("c/p", "c", np.full((20, 30, 3), 9, np.uint8), truth, None)
    sampler = WindowSampler([pair], 64, {}, STILL)
    windows = sampler.batch(6, np.random.default_rng(0))
    both = windows.truth
    assert windows.ink.isnan().all()
    assert (both[:, 1].sum((1, 2)) == 600).all()
    assert (both[:, 0].sum((1, 2)) == 600).all()


def test_each_window_knows_how_much_it_was_magnified(collections):
    config = replace(ALWAYS_WARPED, scale=(0.5, 2.0))
    sampler = WindowSampler(load_pairs([collections]), 64, {}, config)
    scale = sampler.batch(40, np.random.default_rng(0)).scale
    assert 0.5 <= scale.min() < 0.7
    assert 1.5 < scale.max() <= 2.0
    still = WindowSampler(load_pairs([collections]), 64, {}, STILL)
    assert (still.batch(5, np.random.default_rng(0)).scale == 1).all()


def test_magnified_strokes_grow(collections):
    def mean_ink(scale: float) -> float:
        config = replace(ALWAYS_WARPED, scale=(scale, scale))
        sampler = WindowSampler(load_pairs([collections / "letters"]), 64, {}, config)
        truth = sampler.batch(32, np.random.default_rng(0)).truth
        edges = (truth[:, 0, :, 1:] - truth[:, 0, :, :-1]).abs().sum()
        return float(truth[:, 0].sum() / edges)

    assert mean_ink(1.6) > 1.6 * mean_ink(0.6)


def test_every_batch_holds_its_share_of_each_collection():
    pairs = []
    for name, value in (("many", 10), ("few", 200)):
        truth = np.full((100, 100, 2), 255, np.uint8)
        page = np.full((100, 100, 3), value, np.uint8)
        pairs.append(LoadedPair("c/p", name, page, truth, None))
    sampler = WindowSampler(pairs, 64, {"many": 3.0}, STILL)
    for seed in range(20):
        windows = sampler.batch(8, np.random.default_rng(seed))
        assert (windows.pixels.mean((1, 2, 3)) == 200).sum() == 2


def test_of_a_page_without_ink_the_labelled_part_is_drawn():
    truth = np.zeros((600, 600, 2), np.uint8)
    truth[500:, 500:, 1] = 255
    pair = LoadedPair("c/p", "c", np.zeros((600, 600, 3), np.uint8), truth, None)
    windows = WindowSampler([pair], 64, {}, STILL).batch(32, np.random.default_rng(0))
    assert windows.truth[:, 1].any(-1).any(-1).all()


def test_a_window_of_an_inverted_page_has_other_colours():
    page = np.full((100, 100, 3), 200, np.uint8)
    page[20:24, 10:90] = 50
    truth = np.full((100, 100, 2), 255, np.uint8)
    inverted = page_ink([255 - page])
    pair = LoadedPair("c/p", "c", page, truth, page_ink([page]), 0.5, inverted)
    windows = WindowSampler([pair], 64, {}, STILL).batch(1, np.random.default_rng(0))
    expected = torch.full((6,), torch.nan) if inverted is None else torch.from_numpy(inverted)
    torch.testing.assert_close(windows.inverted_ink[0, :6], expected, equal_nan=True)


@pytest.mark.parametrize("wrong", ["reversed", "misplaced"])
def test_masks_that_are_wrong_are_said_in_the_words_of_the_check(tmp_path, wrong):
    ink = np.zeros((200, 240), dtype=bool)
    for top in range(20, 180, 22):
        ink[top : top + 4, 20 + top // 2 : 200] = True
    page = np.repeat(np.where(ink, 30, 230).astype(np.uint8)[..., None], 3, axis=2)
    mask = ~ink if wrong == "reversed" else np.roll(ink, 11, axis=0)
    write_pair(tmp_path / "letters", "page", page, mask)
    (finding,) = [event for event in check_pairs(tmp_path) if isinstance(event, Finding)]
    assert finding.kind == wrong
    with pytest.warns(UserWarning, match=re.escape(str(finding))):
        load_pairs([tmp_path / "letters"])
