import errno
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from docbin_napari.cli import main
from docbin_napari.io.mask import write_mask, write_probability
from docbin_napari.report.evaluation_page import WORST_PAGES


class Elements(HTMLParser):
    """Attributes of all elements, and whether every one of them is closed."""

    VOID = frozenset({"meta", "img"})

    def __init__(self, text):
        super().__init__()
        self.found, self.open = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def named(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture
def report_of(tmp_path):
    """Evaluate with a report; gives its text and elements."""

    def run(*arguments, code=0):
        path = tmp_path / "new folder" / "report.html"
        assert main(["evaluate", *map(str, arguments), "--report", str(path)]) == code
        text = path.read_text(encoding="utf-8")
        elements = Elements(text)
        assert elements.open == []
        return text, elements

    return run


def test_it_needs_nothing_else(collection, report_of):
    text, elements = report_of(collection, collection)
    # Clips of plots lie in the page itself.
    assert set(re.findall(r"url\(.", text)) <= {"url(#"}
    assert "@import" not in text
    assert not elements.named("script") + elements.named("link")
    images = elements.named("img")
    assert len(images) == 3
    assert all(image["src"].startswith("data:image/") for image in images)
    assert all(image["alt"] for image in images)


def test_figures_and_the_page_with_errors(collection, report_of):
    text, _ = report_of(collection, collection)
    assert "weighted pseudo-F-measure" in text
    assert "skeleton pFM" in text
    assert '<th scope="row">b</th><td>80.00</td>' in text
    assert '<th scope="row">mean of 2 pages</th><td>90.00</td>' in text
    assert "<h3>b</h3>" in text
    assert "<h3>a</h3>" not in text
    assert re.search("at borders 24<", text)
    assert re.search("false ink 0<", text)


def test_masks_without_probabilities_have_no_curves_and_it_says_so(collection, report_of):
    text, elements = report_of(collection, collection)
    assert "left out: they need probabilities" in text
    assert not elements.named("svg")


def test_probabilities_beside_masks_are_used(collection, report_of):
    for name in ("a", "b"):
        probability = np.zeros((24, 32), np.uint8)
        probability[4:8] = 200
        write_probability(collection / "auto_bin" / f"{name}_probability.png", probability)
    text, elements = report_of(collection, collection)
    assert "All 1,536 labelled pixels of 2 pages" in text
    assert len(elements.named("svg")) == 2


def test_a_model_is_run_on_the_pages(collection, report_of, tiny_model_file, capsys):
    tiny_model_file.with_suffix(".md").write_text("# Tiny & random\n", encoding="utf-8")
    arguments = ["--model", tiny_model_file, "--preset", "fast", "--device", "cpu"]
    text, elements = report_of(*arguments, collection, collection)
    assert "mean of 2 pages" in capsys.readouterr().out
    assert len(elements.named("svg")) == 2
    assert "<h1>Quality of model tiny, preset fast</h1>" in text
    assert "Tiny &amp; random" in text
    assert "the threshold used, 0.40" in text
    assert "labelled pixels of 2 pages" in text


def test_a_model_without_a_card(collection, report_of, tiny_model_file):
    tiny_model_file.with_suffix(".md").unlink(missing_ok=True)
    text, _ = report_of("--model", tiny_model_file, collection, collection)
    assert "no model card" in text


@pytest.mark.filterwarnings("default")
def test_a_negative_is_named(tmp_path, report_of, tiny_model_file, capsys):
    from PIL import Image

    from docbin_napari.drawing.generator import draw_page as generated

    page = generated(700013, 640, 480, "book")
    for name, pixels in (("page", page.pixels), ("negative", 255 - page.pixels)):
        path = tmp_path / "one" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
        write_mask(path.parent / "fg_mask" / f"{name}.png", page.ink)
    options = ["--model", tiny_model_file, "--preset", "fast", "--device", "cpu"]
    text, _ = report_of(*options, tmp_path / "one", tmp_path / "one")
    told = capsys.readouterr().err
    assert told.count("light writing on dark ground") == 1
    assert f"warning: {tmp_path / 'one' / 'negative.png'}: shows light writing" in told
    rows = re.findall(r'<th scope="row">(?:page|negative)</th>(.*?)</tr>', text)
    assert rows[0] == rows[1]


def test_names_are_escaped(tmp_path, draw_page, report_of):
    name = "a&b 'c'"
    folder = tmp_path / "R&D"
    ink = draw_page(folder / f"{name}.png")
    write_mask(folder / "fg_mask" / f"{name}.png", ink)
    write_mask(folder / "auto_bin" / f"{name}.png", ~ink)
    text, elements = report_of(folder, folder)
    assert name not in text
    assert "R&amp;D" in text
    assert f"Errors on the whole page {name}" in [image["alt"] for image in elements.named("img")]


def test_only_the_worst_pages_are_shown(tmp_path, draw_page, report_of):
    folder = tmp_path / "many"
    for number in range(WORST_PAGES + 3):
        ink = draw_page(folder / f"{number}.png")
        write_mask(folder / "fg_mask" / f"{number}.png", ink)
        ink[5, 4 : 5 + number] = False
        write_mask(folder / "auto_bin" / f"{number}.png", ink)
    text, _ = report_of(folder, folder)
    shown = re.findall("<h3>(.*?)</h3>", text)
    assert shown == [str(number) for number in range(WORST_PAGES + 2, 2, -1)]


def test_collections_have_means(tmp_path, draw_page, report_of):
    for place in ("one", "two"):
        ink = draw_page(tmp_path / place / "a.png")
        for folder in ("fg_mask", "auto_bin"):
            write_mask(tmp_path / place / folder / "a.png", ink)
    text, _ = report_of(tmp_path, tmp_path)
    assert "one: mean of 1 page<" in text
    assert "No page has an error" in text
    assert "Perfect pages, which count as 100 dB in the mean PSNR: 2" in text


def test_what_could_not_be_evaluated_is_listed(collection, report_of):
    (collection / "auto_bin" / "a.png").write_bytes(b"")
    text, _ = report_of(collection, collection, code=1)
    assert "Warnings and errors" in text
    assert "the file is empty" in text


def test_without_the_page_the_ground_truth_is_shown(collection, report_of):
    for page in collection.glob("*.png"):
        page.unlink()
    _, elements = report_of(collection, collection)
    assert len(elements.named("img")) == 3


def test_a_report_that_is_there_is_kept(collection, tmp_path, capsys):
    path = tmp_path / "report.html"
    path.write_text("mine")
    arguments = ["evaluate", str(collection), str(collection), "--report", str(path)]
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert "already there; choose another name or add --overwrite" in captured.err
    assert captured.out == ""
    assert path.read_text() == "mine"
    assert main([*arguments, "--overwrite"]) == 0
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_folder_of_that_name(collection, tmp_path, capsys):
    assert main(["evaluate", str(collection), str(collection), "--report", str(tmp_path)]) == 2
    assert "a folder of this name exists" in capsys.readouterr().err


def test_a_full_disk_costs_no_figures(collection, tmp_path, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    path = tmp_path / "report.html"
    assert main(["evaluate", str(collection), str(collection), "--report", str(path)]) == 2
    captured = capsys.readouterr()
    assert "mean of 2 pages" in captured.out
    assert f"{path}: there is no room on the disk" in captured.err
    assert list(tmp_path.glob(".*")) == []


def test_what_is_missing_is_said_with_its_remedy(collection, tmp_path, capsys, monkeypatch):
    for name in ("evaluation_page", "plots"):
        monkeypatch.delitem(sys.modules, f"docbin_napari.report.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    options = [str(collection), str(collection), "--report", str(tmp_path / "report.html")]
    assert main(["evaluate", *options]) == 2
    captured = capsys.readouterr()
    assert "--report: matplotlib is missing: pip install" in captured.err
    assert "docbin-napari[report]" in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "general-1", "--baseline", "otsu"], "exclude each other"),
        (["--preset", "best"], "--engine and --precision go with --model"),
        (["--device", "cpu"], "--engine and --precision go with --model"),
        (["--model", "no-such-model"], "there is no model 'no-such-model'"),
        (["--csv", "-", "--json", "-"], "give each a file of its own"),
        (["--csv", "page.png"], "the name of an image"),
        (["--csv="], "an argument is empty"),
    ],
)
def test_options_that_do_not_fit(collection, capsys, options, words):
    assert main(["evaluate", *options, str(collection), str(collection)]) == 2
    assert words in capsys.readouterr().err
