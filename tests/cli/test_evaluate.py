import csv
import io
import json
import os
import shutil
import threading

import numpy as np
import pytest
from PIL import Image

from docbin_napari.batch.made_from import MadeFrom
from docbin_napari.cli import main, scoring
from docbin_napari.io.mask import (
    read_ground_truth,
    write_ground_truth,
    write_mask,
    write_probability,
)
from docbin_napari.metrics.scores import mean_scores, score_page

TITLES = [
    *("page", "FM", "pFM", "skeleton", "pFM", "PSNR", "DRD", "NRM", "precision", "recall"),
    *("border", "false", "ink", "missed", "FM", "lost", "to", "false", "ink", "to", "missed"),
]


def scores_of(collection):
    truths = {
        name: read_ground_truth(collection / "fg_mask" / f"{name}.png").ink for name in ("a", "b")
    }
    return {
        name: score_page(read_ground_truth(collection / "auto_bin" / f"{name}.png").ink, truth)
        for name, truth in truths.items()
    }


def test_table(collection, capsys):
    assert main(["evaluate", str(collection / "auto_bin"), str(collection / "fg_mask")]) == 0
    captured = capsys.readouterr()
    header, perfect, poorer, mean, note = captured.out.splitlines()
    assert header.split() == TITLES
    figures = [*3 * ["100.00"], "inf", "0.00", "0.0000", *2 * ["100.00"]]
    assert perfect.split() == ["a", *figures, *3 * ["0.000"], *2 * ["0.00"]]
    assert poorer.split()[:2] == ["b", "80.00"]
    assert mean.startswith("mean of 2 pages   90.00")
    assert note == "1 page is perfect; in the mean PSNR that counts as 100 dB"
    assert captured.err == ""


def test_two_files(collection, capsys):
    prediction, truth = collection / "auto_bin" / "b.png", collection / "fg_mask" / "b.png"
    assert main(["evaluate", str(prediction), str(truth)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("mean of 1 page  80.00")


def test_csv_and_json_files(collection, tmp_path, capsys):
    files = {kind: tmp_path / "figures" / f"scores.{kind}" for kind in ("csv", "json")}
    options = [text for kind, path in files.items() for text in (f"--{kind}", str(path))]
    assert main(["evaluate", str(collection), str(collection), *options]) == 0
    assert "mean of 2 pages" in capsys.readouterr().out
    scores = scores_of(collection)
    mean = mean_scores(list(scores.values()))

    rows = {row["page"]: row for row in csv.DictReader(files["csv"].read_text().splitlines())}
    assert list(rows) == ["a", "b", "mean"]
    assert float(rows["b"]["drd"]) == scores["b"].drd
    assert rows["a"]["psnr"] == "inf"
    assert float(rows["mean"]["skeleton_pseudo_f_measure"]) == mean.skeleton_pseudo_f_measure

    report = json.loads(files["json"].read_text())
    assert [page["page"] for page in report["pages"]] == ["a", "b"]
    assert report["pages"][0]["psnr"] is None
    assert report["pages"][1]["f_measure"] == scores["b"].f_measure
    assert report["mean"]["nrm"] == mean.nrm
    assert report["mean"]["perfect_pages"] == 1


@pytest.mark.parametrize(
    ("kind", "read"),
    [("json", json.loads), ("csv", lambda text: list(csv.reader(io.StringIO(text))))],
)
def test_a_dash_prints_nothing_but_the_figures(collection, capsys, kind, read):
    assert main(["evaluate", str(collection), str(collection), f"--{kind}", "-"]) == 0
    assert len(read(capsys.readouterr().out)) in (2, 4)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_figures_go_through_pipes_and_links(collection, tmp_path, capsys):
    """They are not replaced: a program may wait at the other end."""
    pipe, link, file = (tmp_path / name for name in ("pipe", "link.csv", "file.csv"))
    os.mkfifo(pipe)
    link.symlink_to(file)
    where = [str(collection / "auto_bin"), str(collection / "fg_mask")]
    read = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    assert main(["evaluate", *where, "--csv", str(pipe)]) == 0
    reader.join()
    assert main(["evaluate", *where, "--csv", str(link)]) == 0
    assert pipe.is_fifo()
    assert link.is_symlink()
    assert read == [file.read_text()]
    assert read[0].startswith("page,f_measure")


def test_a_file_that_cannot_be_written(collection, tmp_path, capsys):
    (tmp_path / "folder.csv").mkdir()
    options = ["--csv", str(tmp_path / "folder.csv")]
    assert main(["evaluate", str(collection), str(collection), *options]) == 2
    assert "folder.csv" in capsys.readouterr().err


def test_unmatched_files_are_named(collection, capsys):
    (collection / "auto_bin" / "a.png").rename(collection / "auto_bin" / "c.png")
    assert main(["evaluate", str(collection), str(collection)]) == 1
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        f"no prediction for {collection / 'fg_mask' / 'a.png'}",
        f"no ground truth for {collection / 'auto_bin' / 'c.png'}",
    ]
    assert "mean of 1 page " in captured.out


def test_pages_without_ground_truth_are_no_failure(collection, capsys):
    (collection / "fg_mask" / "a.png").unlink()
    assert main(["evaluate", str(collection), str(collection)]) == 0
    assert "no ground truth for" in capsys.readouterr().err


def test_a_mask_of_another_size_is_one_line(collection, capsys):
    wrong = collection / "auto_bin" / "a.png"
    write_mask(wrong, np.zeros((9, 7), dtype=bool))
    assert main(["evaluate", str(collection), str(collection)]) == 1
    captured = capsys.readouterr()
    assert captured.err == (
        f"failed: {wrong}: prediction has 7 x 9 pixels, the ground truth 32 x 24\n"
    )
    assert "mean of 1 page " in captured.out


def test_a_damaged_mask_is_one_line(collection, capsys):
    (collection / "fg_mask" / "a.png").write_bytes(b"")
    assert main(["evaluate", str(collection), str(collection)]) == 1
    captured = capsys.readouterr()
    assert captured.err == f"failed: {collection / 'fg_mask' / 'a.png'}: the file is empty\n"


def test_a_page_that_takes_too_much_memory_is_one_line(collection, capsys, monkeypatch):
    def score(match, *rest):
        if match.name == "a":
            raise MemoryError
        return true_score(match, *rest)

    true_score = scoring._score
    monkeypatch.setattr(scoring, "_score", score)
    assert main(["evaluate", str(collection), str(collection)]) == 1
    captured = capsys.readouterr()
    words = "there is not enough memory for this page"
    assert captured.err == f"failed: {collection / 'auto_bin' / 'a.png'}: {words}\n"
    assert "mean of 1 page " in captured.out


def test_nothing_to_evaluate(tmp_path, capsys):
    assert main(["evaluate", str(tmp_path), str(tmp_path)]) == 2
    assert "no page to evaluate" in capsys.readouterr().err


def test_pages_are_not_judged_as_masks(collection, capsys):
    shutil.rmtree(collection / "auto_bin")
    for predictions, truth in ((collection, collection), (collection.parent, collection.parent)):
        assert main(["evaluate", str(predictions), str(truth)]) == 2
        said = capsys.readouterr().err
        assert f"{collection}: these are the pages" in said
        assert "--baseline" in said


def test_reversed_masks_are_named(collection, capsys):
    path = collection / "auto_bin" / "a.png"
    write_mask(path, ~read_ground_truth(path).ink)
    assert main(["evaluate", str(collection), str(collection)]) == 0
    told = "warning: {}: ink and background look exchanged: black must be ink\n"
    assert capsys.readouterr().err == told.format(path)
    write_mask(path, ~read_ground_truth(path).ink)
    truth = collection / "fg_mask" / "a.png"
    write_mask(truth, ~read_ground_truth(truth).ink)
    assert main(["evaluate", str(collection), str(collection)]) == 0
    assert capsys.readouterr().err == told.format(truth)


def test_a_name_that_is_too_long_for_a_probability_beside_it(collection, capsys):
    for folder in ("fg_mask", "auto_bin"):
        (collection / folder / "a.png").rename(collection / folder / f"{'a' * 245}.png")
    assert main(["evaluate", str(collection), str(collection)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "a" * 245 in captured.out


def test_ground_truth_that_tells_nothing_is_named(collection, capsys):
    a, b = (collection / "fg_mask" / f"{name}.png" for name in "ab")
    shape = read_ground_truth(a).ink.shape
    write_ground_truth(a, np.zeros(shape, bool), np.zeros(shape, bool), overwrite=True)
    write_mask(b, np.zeros(shape, bool))
    assert main(["evaluate", str(collection), str(collection)]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"failed: {a}: no pixel is labelled")
    assert second.startswith(f"warning: {b}: it has no ink")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("wrong", ["damaged", "of another size"])
def test_a_probability_that_is_no_use_leaves_its_mask(collection, capsys, tmp_path, wrong):
    path = collection / "auto_bin" / "a_probability.png"
    path.write_bytes(b"")
    if wrong != "damaged":
        Image.new("L", (5, 5)).save(path)
    assert main(["evaluate", str(collection), str(collection)]) == 0
    captured = capsys.readouterr()
    assert str(path) in captured.err
    assert "mean of 2 pages" in captured.out


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("together", [True, False])
def test_a_probability_of_an_earlier_mask_is_left_out(collection, capsys, together):
    path = collection / "auto_bin" / "a.png"
    probability = path.with_stem("a_probability")
    ink = read_ground_truth(path).ink
    write_probability(probability, ink * np.uint8(255))
    made = MadeFrom(collection / "a.png", 1, 300.0, {})
    write_mask(path, ink, texts=made.texts(probability=together))
    assert main(["evaluate", str(collection), str(collection)]) == 0
    reason = "its mask was written later, without --probability; left out"
    assert capsys.readouterr().err == ("" if together else f"warning: {probability}: {reason}\n")


def test_unlabelled_pixels_count_nowhere(collection, capsys):
    truth = read_ground_truth(collection / "fg_mask" / "b.png").ink
    guess = read_ground_truth(collection / "auto_bin" / "b.png").ink
    write_ground_truth(collection / "fg_mask" / "b.png", truth, truth == guess)
    assert main(["evaluate", str(collection), str(collection)]) == 0
    assert capsys.readouterr().out.splitlines()[2].split()[:2] == ["b", "100.00"]


@pytest.mark.parametrize("baseline", ["otsu", "sauvola"])
def test_baselines_run_on_the_pages(collection, capsys, baseline):
    options = ["--baseline", baseline]
    assert main(["evaluate", *options, str(collection), str(collection)]) == 0
    assert "mean of 2 pages  100.00" in capsys.readouterr().out


@pytest.mark.filterwarnings("default")
def test_gray_masks_are_one_line_of_warning(collection, capsys):
    path = collection / "fg_mask" / "a.png"
    with Image.open(path) as image:
        off_black_and_white = image.convert("L").point(lambda value: 250 if value else 3)
    off_black_and_white.save(path)
    assert main(["evaluate", str(collection), str(collection)]) == 0
    captured = capsys.readouterr()
    assert captured.err.startswith(f"warning: {path}: grays other than")
    assert captured.err.count("\n") == 1


def test_otsu_on_h_dibco_2016(shared_pages, capsys):
    """The figures of the official tool: loading, polarity, averaging and metrics are right."""
    pages = shared_pages / "test" / "dibco2016"
    if not pages.is_dir():
        pytest.skip("H-DIBCO 2016 is not among the real pages")
    options = ["--baseline", "otsu", "--json", "-"]
    assert main(["evaluate", *options, str(pages), str(pages / "fg_mask")]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["mean"]["pages"] == 10
    for metric, figure in {
        "f_measure": 86.59,
        "psnr": 17.79,
        "drd": 5.58,
        "weighted_pseudo_f_measure": 88.67,
        "skeleton_pseudo_f_measure": 89.92,
    }.items():
        assert report["mean"][metric] == pytest.approx(figure, abs=0.005)
