from pathlib import PurePosixPath

import pytest

from docbin_napari.pairs.source import match_pairs, page_name_of


def matched(*names):
    found = match_pairs([PurePosixPath(name) for name in names])
    pairs = {str(match.page): str(match.mask) for match in found.matches}
    return pairs, {str(name): why for name, why in found.alone}


def test_upper_case_counts_where_both_spellings_are_there():
    pairs, alone = matched("imgs/a.png", "imgs/A.png", "gt/A.png", "gt/a.png")
    assert pairs == {"imgs/a.png": "gt/a.png", "imgs/A.png": "gt/A.png"}
    assert alone == {}


@pytest.mark.parametrize(
    ("page", "mask"),
    [
        ("H01.bmp", "H01_gt.bmp"),
        ("H01.bmp", "H01-GT.tiff"),
        ("H01.jpg", "H01_GT.TIF"),
        ("HW01.bmp", "HW01_estGT.tiff"),
        ("z12.png", "z12GT.png"),
        ("a b.png", "a b gt.png"),
        ("1.png", "GT_1.png"),
        ("1.png", "gt-1.png"),
        ("1_in.png", "1_gt.png"),
        ("1.png", "1_ground_truth.png"),
        ("x.y.jpg", "x.y_gt.png"),
        ("1.png", "GT/1.png"),
        ("OriginalImages/HW1.bmp", "GTimages/HW1_estGT.tiff"),
        ("dataset/1.bmp", "dataset_gt/1_gt.bmp"),
        ("imgs/1.png", "gt_img/1.png"),
        ("imgs/1.png", "gt_imgs/1.png"),
        ("H-DIBCO2012-dataset/H01.png", "H-DIBCO2012-GT/H01.tif"),
        ("Test_images-handwritten/H01.bmp", "Test-GT-images_handwritten/H01.tiff"),
        ("original/p.jpg", "GroundTruth/p.png"),
        ("p.jpg", "fg_mask/p.png"),
        ("images/a/p.jpg", "masks/a/p.png"),
        ("IMG/Page.JPG", "GT/page.png"),
        ("a.png", "a_mask.png"),
        ("a.jpg", "a-masks.png"),
        ("1.png", "1_labels.png"),
        ("1.png", "1_seg.png"),
        ("train/images/1.png", "train/masks/1_mask.png"),
        ("train/1.png", "train_cleaned/1.png"),
        ("noisy/1.png", "clean/1.png"),
        ("input/1.png", "target/1.png"),
        ("imagesTr/case_001_0000.png", "labelsTr/case_001.png"),
        ("JPEGImages/1.jpg", "SegmentationClass/1.png"),
        ("images/p.jpg", "annotations/p.png"),
    ],
)
@pytest.mark.parametrize("around", ["", "set_with_GT/"])
def test_layouts_of_data_sets(page, mask, around):
    assert matched(around + page, around + mask) == ({around + page: around + mask}, {})


@pytest.mark.parametrize("name", ["night.png", "weight.png", "EIGHT.png", "gt.png", "mgt.png"])
def test_names_that_only_end_like_a_mask(name):
    assert page_name_of(PurePosixPath(name)) is None


@pytest.mark.parametrize("folder", ["night", "nightgown", "signet", "unmasked", "egt"])
def test_folders_that_only_look_like_one_of_masks(folder):
    assert page_name_of(PurePosixPath(folder, "1.png")) is None


def test_the_nearest_page_of_a_name_is_taken():
    pairs, alone = matched(
        *("2016/dataset/1.bmp", "2016/dataset_GT/1_gt.bmp"),
        *("2017/dataset/1.bmp", "2017/GT/1_gt.bmp"),
        *("2018/1.bmp", "2018/1_gt.bmp"),
    )
    assert pairs == {
        "2016/dataset/1.bmp": "2016/dataset_GT/1_gt.bmp",
        "2017/dataset/1.bmp": "2017/GT/1_gt.bmp",
        "2018/1.bmp": "2018/1_gt.bmp",
    }
    assert alone == {}


def test_folders_beside_each_other_are_told_apart_by_their_names():
    pairs, alone = matched("hand/1.png", "print/1.png", "hand_gt/1.png", "print_gt/1.png")
    assert pairs == {"hand/1.png": "hand_gt/1.png", "print/1.png": "print_gt/1.png"}
    assert alone == {}


def test_two_pages_equally_near_are_not_guessed():
    pairs, alone = matched("ab/1.png", "ba/1.png", "GT/1.png")
    assert pairs == {}
    assert "as near to ab/1.png as to ba/1.png" in alone["GT/1.png"]
    assert len(alone) == 3


def test_a_second_mask_of_a_page_is_left_over():
    pairs, alone = matched("1.png", "1_gt.png", "GT/1.png")
    assert pairs == {"1.png": "1_gt.png"}
    assert alone == {"GT/1.png": "its page 1.png has the mask 1_gt.png already"}


def test_what_is_left_over():
    pairs, alone = matched("a.png", "b_gt.png")
    assert pairs == {}
    assert alone == {
        "a.png": "a page without a mask",
        "b_gt.png": "a mask without a page named b",
    }
    assert matched() == ({}, {})


def test_words_for_a_mask_may_be_those_of_a_page():
    pairs, alone = matched("the_mask.png", "GT/the_mask.png", "a_label.png")
    assert pairs == {"the_mask.png": "GT/the_mask.png"}
    assert alone == {"a_label.png": "a page without a mask"}


def test_a_data_set_of_nnunet():
    pages = [f"set/images{part}/p_{number}_0000.png" for part in ("Tr", "Ts") for number in (1, 2)]
    masks = [f"set/labels{part}/p_{number}.png" for part in ("Tr", "Ts") for number in (1, 2)]
    assert matched(*pages, *masks) == (dict(zip(pages, masks, strict=True)), {})


def test_the_mark_of_a_page_does_not_become_part_of_its_name():
    for names, name in ((("1_in.png", "1_gt.png"), "1"), (("a_in.png", "GT/a_in.png"), "a_in")):
        (match,) = match_pairs([PurePosixPath(one) for one in names]).matches
        assert match.name == name
