from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from docbin_napari.drawing.archives import ARCHIVES, choose_archive
from docbin_napari.drawing.damage import Damage
from docbin_napari.drawing.ink import Ink
from docbin_napari.drawing.paper import Paper
from docbin_napari.drawing.scan import Scan
from docbin_napari.pairs.pair import find_pairs, read_pair
from docbin_napari.train.synthesis import SAMPLE_SEED, draw_archive_page, draw_page, main

SMALL = (160, 200)


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
        assert 0 < page.ink.mean() < 0.35


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


def test_sample_page_is_a_usual_page():
    page = draw_page(SAMPLE_SEED, 600, 450)
    assert 0.01 < page.ink.mean() < 0.2


def test_command_writes_pairs_that_can_be_read(tmp_path):
    size = ["--height", "96", "--width", "80"]
    assert main(["--output", str(tmp_path), "--pages", "2", "--seed", "5", *size]) == 0
    pairs = find_pairs(tmp_path)
    assert [pair.name for pair in pairs] == ["page_000005", "page_000006"]
    pixels, truth = read_pair(pairs[1])
    page = draw_page(6, 96, 80)
    np.testing.assert_array_equal(pixels, page.pixels)
    np.testing.assert_array_equal(truth.ink, page.ink)
    assert truth.labelled.all()


def test_command_writes_small_jpeg_files_of_one_archive(tmp_path, capsys):
    arguments = ["--output", str(tmp_path), "--pages", "1", "--seed", "5", "--archive", "book"]
    main([*arguments, "--height", "200", "--width", "150", "--jpeg", "90"])
    (pair,) = find_pairs(tmp_path)
    assert pair.page.name == "book_000005.jpg"
    pixels, truth = read_pair(pair)
    page = draw_page(5, 200, 150, "book")
    np.testing.assert_array_equal(truth.ink, page.ink)
    assert 0 < np.abs(pixels.astype(int) - page.pixels).mean() < 10
    written = pair.page.read_bytes()
    assert main([*arguments, "--height", "200", "--width", "150", "--jpeg", "80"]) == 1
    assert f"{tmp_path / 'book_000005'}: there is a page" in capsys.readouterr().err
    assert pair.page.read_bytes() == written
    assert main([*arguments, "--height", "200", "--width", "150"]) == 1
    assert find_pairs(tmp_path) == [pair], "no second page of this name"


def test_command_says_why_it_cannot_write(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert main(["--output", str(tmp_path / "file"), "--height", "64", "--width", "64"]) == 1
    said = capsys.readouterr().err
    assert str(tmp_path / "file") in said
    assert said.count("\n") == 1


@pytest.mark.parametrize("wrong", [("--pages", "0"), ("--seed", "-1"), ("--jpeg", "200")])
def test_command_refuses_what_makes_no_sense(tmp_path, capsys, wrong):
    with pytest.raises(SystemExit) as stop:
        main(["--output", str(tmp_path), *wrong])
    assert stop.value.code == 2
    assert not list(tmp_path.iterdir())


def test_command_refuses_a_page_that_is_too_small(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--output", str(tmp_path), "--pages", "1", "--height", "10"])
    assert stop.value.code == 2
    assert "64" in capsys.readouterr().err
