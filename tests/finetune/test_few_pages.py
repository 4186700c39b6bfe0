"""What is learnt from and what is held out, on pages whose labels are squares."""

import numpy as np
import pytest

from docbin_napari.drawing.generator import draw_page
from docbin_napari.finetune.few_pages import chosen_pairs, load_few_pages
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.page_reader import dark_on_light
from docbin_napari.io.mask import write_ground_truth
from docbin_napari.pairs.pair import write_pair
from docbin_napari.pairs.provenance import Provenance, folder_key


def write_page(folder, name, labelled, shape=(512, 512)):
    """A page with ink in stripes everywhere, labelled in some regions."""
    ink = np.zeros(shape, bool)
    ink[::8] = True
    known = np.zeros(shape, bool)
    for region in labelled:
        known[region] = True
    gray = np.where(ink, 30, 220).astype(np.uint8)
    write_pair(folder, name, np.repeat(gray[..., None], 3, axis=2), ink & known, known)


def labelled(parts):
    return sum(int((pair.truth[..., 1] > 0).sum()) for pair in parts)


ALL = (slice(None), slice(None))
QUARTER = (slice(0, 256), slice(0, 256))


@pytest.mark.parametrize("region", [ALL, QUARTER])
def test_one_page_is_split_and_no_pixel_is_on_both_sides(tmp_path, region):
    write_page(tmp_path / "one", "page", [region])
    few = load_few_pages([tmp_path / "one"], (), 0.25)
    known = 512 * 512 if region is ALL else 256 * 256
    assert labelled(few.learn) + labelled(few.held_out) == known
    assert labelled(few.held_out) == known // 4
    assert all((pair.truth[..., 0] > 0).any() for pair in few.held_out), "blocks hold ink"


def test_nothing_is_held_out_where_little_is_labelled(tmp_path):
    write_page(tmp_path / "one", "page", [(slice(0, 40), slice(0, 40))])
    few = load_few_pages([tmp_path / "one"], (), 0.2)
    assert few.held_out == []
    assert labelled(few.learn) == 40 * 40


@pytest.mark.parametrize("lines", [2, 4, 6])
def test_of_a_page_with_little_ink_a_fifth_of_that_is_held_out(tmp_path, lines):
    """An envelope: most blocks are empty paper, which is no reason to hold out all the ink."""
    ink = np.zeros((1024, 1280), bool)
    for line in range(lines):
        ink[100:104, 30 + 200 * line : 230 + 200 * line] = ink[80:150, 100 + 200 * line] = True
    gray = np.where(ink, 30, 220).astype(np.uint8)
    write_pair(tmp_path / "one", "page", np.repeat(gray[..., None], 3, axis=2), ink)
    few = load_few_pages([tmp_path / "one"], (), 0.2)
    inked = [pair.truth[..., 0].any() for pair in few.held_out]
    assert inked == [True]
    assert sum(int(pair.truth[..., 0].any()) for pair in few.learn) >= 1
    assert sum(int((pair.truth[..., 0] > 0).sum()) for pair in few.learn) > 0.3 * ink.sum()


def test_of_many_pages_whole_ones_are_held_out(tmp_path):
    for number in range(8):
        write_page(tmp_path / "many", f"page{number}", [ALL], (256, 256))
    few = load_few_pages([tmp_path / "many"], (), 0.25)
    held_out = {pair.name for pair in few.held_out}
    assert len(held_out) == 2
    assert not held_out & {pair.name for pair in few.learn}
    assert labelled(few.learn) == 6 * 256 * 256


def test_pages_without_ink_are_learnt_from_and_not_held_out(tmp_path):
    for number in range(8):
        write_page(tmp_path / "many", f"page{number}", [ALL], (256, 256))
    paper = np.full((256, 256, 3), 220, np.uint8)
    for number in range(8):
        write_pair(tmp_path / "many", f"blank{number}", paper, np.zeros((256, 256), bool))
    for seed in range(4):
        few = load_few_pages([tmp_path / "many"], (), 0.2, seed)
        held_out = {pair.name for pair in few.held_out}
        assert len(held_out) == 3
        assert not any("blank" in name for name in held_out)
        assert len({pair.name for pair in few.learn}) == 13


def test_distant_labels_are_cut_apart(tmp_path):
    corners = [(slice(0, 100), slice(0, 100)), (slice(900, 1000), slice(900, 1000))]
    write_page(tmp_path / "one", "page", corners, (1000, 1000))
    few = load_few_pages([tmp_path / "one"], (), 0.0)
    assert len(few.learn) == 2
    assert all(pair.pixels.shape[0] < 400 for pair in few.learn)


def test_pages_are_chosen_by_name_and_none_twice(tmp_path):
    for number in range(3):
        write_page(tmp_path / "set" / "letters", f"page{number}", [ALL], (64, 64))
    both = [tmp_path / "set", tmp_path / "set" / "letters"]
    assert len(chosen_pairs(both, ())) == 3
    chosen = chosen_pairs(both, ("page2", "letters/page0"))
    assert [pair.name for pair in chosen] == ["page0", "page2"]


def test_the_folders_of_the_pages_and_of_their_scans_are_remembered(tmp_path):
    write_page(tmp_path / "one", "page", [ALL], (64, 64))
    texts = Provenance(source=str(tmp_path / "scans" / "1.tif")).texts()
    ink = np.zeros((64, 64), bool)
    ink[::8] = True
    (tmp_path / "one" / "fg_mask" / "page.png").unlink()
    write_ground_truth(tmp_path / "one" / "fg_mask" / "page.png", ink, texts=texts)
    few = load_few_pages([tmp_path / "one"], (), 0.2)
    known = {folder_key(tmp_path / name / "any.png") for name in ("one", "scans")}
    assert set(few.familiar.folders) == known
    assert "scans" not in str(few.familiar)


def test_light_writing_on_dark_paper_is_learnt_as_it_is_read(tmp_path):
    """The network gets it with light and dark exchanged, and its look is known so, too."""
    page = draw_page(3, 600, 500, "letters")
    write_pair(tmp_path / "negatives", "page", 255 - page.pixels, page.ink)
    few = load_few_pages([tmp_path / "negatives"], (), 0.2)
    _, survey, inverted = dark_on_light(255 - page.pixels, InferenceConfig())
    assert inverted
    assert few.familiar.include(survey)
    for part in (*few.learn, *few.held_out):
        ink, _ = part.masks
        assert part.pixels[ink].mean() < part.pixels[~ink].mean() - 20
        np.testing.assert_allclose(part.ink, survey.ink)
