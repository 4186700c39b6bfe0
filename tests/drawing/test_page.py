from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from docbin_napari.drawing.archives import ARCHIVES, GROUPS, choose_archive
from docbin_napari.drawing.blocks import Sheet
from docbin_napari.drawing.generator import (
    SAMPLE_SEED,
    _printed,
    draw_archive_page,
    draw_page,
)
from docbin_napari.drawing.paper import Damage, Ink, Paper
from docbin_napari.drawing.scan import Scan
from docbin_napari.drawing.shapes import filled
from docbin_napari.drawing.surroundings import Surroundings
from docbin_napari.drawing.text import Box

SMALL = (160, 200)
MAY_BE_EMPTY = ("sparse", "volume")


def undamaged(name, seed=0, shape=SMALL, **changes):
    """A page of an archive with black ink on clean white paper."""
    rng = np.random.default_rng(seed)
    black = Ink((0.0, 0.0, 0.0), 1.0, patches=0.0, grain=0.0, rough=0.0)
    archive = replace(
        choose_archive(rng, name),
        ink=black,
        second=black,
        marks=black,
        paper=Paper((0.9, 0.9, 0.9), mottling=0.0, grain=0.0),
        damage=Damage(),
        scan=Scan(uneven=0.0, blur=0.0, noise=0.0),
    )
    return draw_archive_page(rng, replace(archive, **changes), shape)


def test_same_seed_gives_the_same_page():
    first, second = draw_page(3, *SMALL), draw_page(3, *SMALL)
    np.testing.assert_array_equal(first.pixels, second.pixels)
    np.testing.assert_array_equal(first.ink, second.ink)


def test_other_seed_gives_another_page():
    assert (draw_page(3, *SMALL).pixels != draw_page(4, *SMALL).pixels).mean() > 0.5


@pytest.mark.parametrize("name", ARCHIVES)
def test_every_archive_gives_a_page_with_some_ink(name):
    for seed in range(3):
        page = draw_page(seed, 240, 320, archive=name)
        assert page.pixels.dtype == np.uint8
        assert page.pixels.shape == (240, 320, 3)
        assert page.ink.dtype == bool
        assert page.ink.shape == (240, 320)
        assert page.ink.mean() < (0.6 if name == "poster" else 0.35)
        assert page.ink.any() or name in MAY_BE_EMPTY


@pytest.mark.parametrize("size", [(64, 64), (64, 200), (200, 64), (65, 97)])
def test_tiny_pages_can_be_drawn(size):
    for seed in range(8):
        assert draw_page(seed, *size).pixels.shape == (*size, 3)


@pytest.mark.parametrize("size", [(63, 64), (64, 63), (0, 200), (-5, 200)])
def test_smaller_pages_are_refused(size):
    with pytest.raises(ValueError, match="64"):
        draw_page(0, *size)


def test_unknown_archive_is_named():
    with pytest.raises(ValueError, match="attic"):
        draw_page(0, archive="attic")


@pytest.mark.parametrize("name", ["letters", "book", "oriental"])
def test_ink_is_exactly_what_is_dark_on_an_undamaged_page(name):
    # A light of 0.9 that half of the pixel loses leaves 0.45.
    page = undamaged(name, seed=5, shape=(300, 300))
    dark = page.pixels[..., 0] < 0.45 * 255
    strokes_miss = page.ink & ~dark
    assert (dark & ~page.ink).sum() == 0
    assert strokes_miss.sum() <= 0.08 * page.ink.sum()
    assert page.pixels[page.ink].mean() < 60
    assert page.pixels[~page.ink].mean() > 200


def test_faded_ink_stays_ink():
    full = undamaged("letters", seed=2)
    faint = Ink(strength=0.05, patches=0, grain=0, rough=0)
    pale = undamaged("letters", seed=2, ink=faint, second=faint, marks=faint)
    assert full.ink.any()
    np.testing.assert_array_equal(full.ink, pale.ink)
    assert pale.pixels[pale.ink].min() > 190


def test_other_side_and_stains_are_no_ink():
    clean = undamaged("letters", seed=2)
    damage = Damage(stains=6, tides=2, blots=6, folds=1, tapes=1, bleed=0.9, beneath=0.5)
    damaged = undamaged("letters", seed=2, damage=damage)
    np.testing.assert_array_equal(clean.ink, damaged.ink)
    paper = damaged.pixels[~clean.ink].astype(int) - clean.pixels[~clean.ink]
    assert (paper < -80).mean() > 0.02


def test_other_side_is_mirrored_and_next_leaf_is_not():
    # Both draw the same writing behind the paper, as the generator is in the same state.
    size = (300, 400)
    other, below = (
        undamaged("letters", seed=8, shape=size, damage=damage).pixels[..., 0]
        for damage in (Damage(bleed=0.8), Damage(beneath=0.8))
    )
    ink = undamaged("letters", seed=8, shape=size).ink
    paper = ~(ink | ink[:, ::-1])
    mirrored = np.corrcoef(other[paper], below[:, ::-1][paper])[0, 1]
    assert mirrored > np.corrcoef(other[paper], below[paper])[0, 1] + 0.3


def test_backdrop_is_no_ink():
    scan = Scan(border=0.2, backdrop=(0.0, 0.0, 0.0), blur=0.0, noise=0.0, uneven=0.0)
    page = undamaged("letters", seed=4, shape=(300, 240), scan=scan)
    dark = page.pixels.mean(axis=2) < 40
    assert dark.mean() > 0.05
    assert (dark & ~page.ink).mean() > 0.05


def test_negative_pages_have_light_ink():
    page = undamaged("letters", seed=4, scan=Scan(negative=True, blur=0, noise=0, uneven=0))
    assert page.pixels[page.ink].mean() > 200
    assert page.pixels[~page.ink].mean() < 60


def test_light_writing_on_a_dark_ground_is_the_ink_and_the_ground_is_not():
    page = undamaged("inverted", seed=3, shape=(300, 300))
    assert 0.01 < page.ink.mean() < 0.35
    assert page.pixels[page.ink].mean() > 190
    ring = ndimage.binary_dilation(page.ink, iterations=6)
    ring &= ~ndimage.binary_dilation(page.ink, iterations=2)
    assert page.pixels[ring].mean() < 60


def test_light_and_dark_columns_stand_beside_each_other():
    archive = choose_archive(np.random.default_rng(0), "mixed")
    page = undamaged("mixed", 0, (400, 400), plan=replace(archive.plan, layout="half dark"))
    light = page.ink & (page.pixels[..., 0] > 150)
    dark = page.ink & (page.pixels[..., 0] < 90)
    assert light.sum() > 0.1 * page.ink.sum()
    assert dark.sum() > 0.1 * page.ink.sum()


def test_a_solid_shape_is_ink_but_for_what_is_left_out_of_it():
    sheet = Sheet(
        text=[filled(Box(20.5, 20.5, 120.5, 120.5))], cut=[filled(Box(50.5, 50.5, 90.5, 90.5))]
    )
    paper = np.full((160, 160, 3), 0.9, np.float32)
    archive = replace(
        choose_archive(np.random.default_rng(0), "book"), ink=Ink((0, 0, 0), 1, 0, 0, 0, 0, 0)
    )
    kept = np.ones((160, 160), np.float32)
    light, ink = _printed(np.random.default_rng(0), paper, sheet, archive, kept)
    assert ink.sum() == pytest.approx(100 * 100 - 40 * 40, rel=0.01)
    assert ink[30, 30]
    assert not ink[70, 70]
    assert light[70, 70].min() > 0.8
    assert light[30, 30].max() < 0.1


def test_leaf_edges_and_boards_are_no_ink_but_dark():
    around = Surroundings(
        margins=(0, 0, 0.3, 0.1), leaves=(0, 0, 0.2, 0.05), board=0.03, contrast=0.9
    )
    page = undamaged("letters", seed=4, shape=(300, 300), around=around)
    beyond = page.pixels[:, 230:].mean(axis=2)
    assert not page.ink[:, 230:].any()
    assert (beyond < 100).mean() > 0.2
    assert page.ink[:, :200].any()


def test_writing_of_the_neighbouring_leaf_is_ink():
    around = Surroundings(margins=(0, 0.02, 0.02, 0.02), gutter=0.3, gutter_depth=0.3)
    page = undamaged("book", seed=4, shape=(400, 400), around=around)
    assert page.ink[:, :100].any()
    assert page.ink[:, 150:].any()
    assert not page.ink[:, 116:124].any()


def test_what_lies_on_a_page_hides_its_ink():
    around = Surroundings(margins=(0.02, 0.02, 0.02, 0.02), objects=("finger",) * 6)
    bare = undamaged("letters", seed=4, shape=(300, 300), around=replace(around, objects=()))
    page = undamaged("letters", seed=4, shape=(300, 300), around=around)
    assert (page.ink & ~bare.ink).sum() == 0
    assert page.ink.sum() < bare.ink.sum()


def test_sparse_fronts_have_full_backs():
    words, shown = [], []
    for seed in range(6):
        page = draw_page(seed, 300, 300, "sparse")
        words.append(page.ink.mean())
        shown.append(choose_archive(np.random.default_rng(seed), "sparse").damage.bleed)
    assert min(shown) >= 0.25
    assert np.median(words) < 0.05


def test_lost_pieces_take_their_ink_along():
    whole = undamaged("papyrus", seed=5, shape=(300, 300), around=None)
    torn = undamaged("papyrus", seed=5, shape=(300, 300), around=None, damage=Damage(gaps=12))
    assert (torn.ink & ~whole.ink).sum() == 0
    assert 0 < torn.ink.sum() < whole.ink.sum()


def test_squares_are_no_ink():
    archive = choose_archive(np.random.default_rng(0), "squared")
    plan = replace(archive.plan, layout="plain", grid=12.0, squares=True)
    squared = undamaged("squared", 0, (300, 300), plan=plan)
    plain = undamaged("squared", 0, (300, 300), plan=replace(plan, grid=0.0))
    paper = ~ndimage.binary_dilation(squared.ink | plain.ink, iterations=4)
    assert squared.pixels[paper].mean() < plain.pixels[paper].mean() - 2
    assert squared.ink.mean() < 1.3 * plain.ink.mean()


def test_a_page_out_of_focus_keeps_its_truth():
    sharp = undamaged("book", seed=2)
    soft = undamaged("book", seed=2, scan=Scan(uneven=0.0, blur=2.5, noise=0.0))
    np.testing.assert_array_equal(sharp.ink, soft.ink)
    edges = [np.abs(np.diff(page.pixels[..., 0].astype(int))).max() for page in (sharp, soft)]
    assert edges[1] < 0.5 * edges[0]


def test_a_larger_scale_draws_thicker_strokes():
    depth = [
        ndimage.distance_transform_edt(draw_page(4, 400, 400, "book", scale=scale).ink).max()
        for scale in (0.5, 1.0, 2.0)
    ]
    assert depth[0] < depth[1] < depth[2]


def test_a_group_chooses_among_its_archives():
    for name, members in GROUPS.items():
        assert set(members) <= set(ARCHIVES), name
    layouts = {
        choose_archive(np.random.default_rng(seed), "solid").plan.layout for seed in range(30)
    }
    assert {"marked form", "poster", "music", "ornamented"} <= layouts


def test_sample_page_is_a_usual_page():
    page = draw_page(SAMPLE_SEED, 600, 450)
    assert 0.01 < page.ink.mean() < 0.2
