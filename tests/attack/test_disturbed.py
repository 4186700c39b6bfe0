"""Full disks, two processes on one folder, files that change or vanish under a run."""

import os
import resource
import shutil
import sys
import time
from functools import partial
from random import Random

import numpy as np
import pytest
from PIL import Image
from tests.attack import kills
from tests.attack.children import begin, end, files_in, fresh, temporary_in, to_the_end

from docbin_napari.io.errors import FileError
from docbin_napari.io.page import read_pages


@pytest.fixture
def batch(small_model, tmp_path):
    """A batch, and what comes out of it when nobody disturbs it."""
    run = kills.Batch(small_model)
    run.prepare(fresh(tmp_path / "whole"))
    assert to_the_end(partial(run.work, tmp_path / "whole"), tmp_path / "log") == 0
    run.whole = run.result(tmp_path / "whole")
    run.prepare(fresh(tmp_path / "place"))
    return run


def said(log):
    """What a run printed; never a traceback."""
    words = log.read_text("utf-8", "replace")
    assert "Traceback" not in words
    return words


def on_full_disk(work, most, log):
    """Work on a disk on which no file may grow over some bytes; returns the exit code.

    What is printed goes through a pipe, which is no file.
    """
    ours, theirs = os.pipe()

    def limited():
        sys.stdout = sys.stderr = os.fdopen(theirs, "w", buffering=1)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        return work()

    code = to_the_end(limited, log)
    os.close(theirs)
    with os.fdopen(ours, "rb") as printed:
        log.write_bytes(printed.read())
    return code


def test_a_full_disk_fails_the_files_and_the_next_run_writes_them(batch, tmp_path):
    place, log = tmp_path / "place", tmp_path / "full.log"
    for page in (place / "pages").iterdir():
        with Image.open(page) as image:
            image.convert("L").resize((1800, 1320)).save(page)
    work = partial(batch.work, place)
    assert on_full_disk(work, 1000, log) == 1
    assert said(log).count("there is no room on the disk") == kills.PAGES
    assert files_in(place / "out") == {}
    assert to_the_end(work, log) == 0
    assert len(files_in(place / "out")) == kills.PAGES


@pytest.mark.parametrize("name", ["saving", "drafts", "export"])
def test_what_is_saved_on_a_full_disk_is_an_error_and_leaves_nothing(small_model, tmp_path, name):
    def work():
        try:
            kills.runs(small_model)[name].work(tmp_path)
        except FileError as error:
            return 3 if "no room on the disk" in str(error) else 4
        return 0

    assert on_full_disk(work, 200, tmp_path / "log") == 3
    assert temporary_in(tmp_path) == []
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".png", ".tif", ".draft")]


def test_a_training_on_a_full_disk_says_so(tmp_path):
    run = kills.Training()
    run.prepare(tmp_path)
    model, log = tmp_path / "new.safetensors", tmp_path / "log"

    def work():
        from docbin_napari.cli.train import main

        letters = str(tmp_path / "pairs" / "letters")
        options = ["--steps", "2", "--batch", "2", "--window", "64", "--channels", "8", "8"]
        folders = ["--train", letters, "--validate", letters, "--run", str(tmp_path / "run")]
        return main([*folders, *options, "--output", str(model), "--device", "cpu"])

    assert on_full_disk(work, 5000, log) == 1
    assert f"{tmp_path / 'run' / 'checkpoint.pt'}: there is no room on the disk" in said(log)
    assert not model.exists()
    assert temporary_in(tmp_path) == []


def test_two_processes_on_one_folder_write_each_page_once(batch, tmp_path):
    place = tmp_path / "place"
    both = [begin(partial(batch.work, place), tmp_path / f"{name}.log") for name in "ab"]
    assert [end(child) for child in both] == [0, 0]
    assert batch.result(place) == batch.whole
    for name in "ab":
        said(tmp_path / f"{name}.log")


@pytest.mark.parametrize("seed", range(3))
def test_pages_that_are_cut_in_mid_run_fail_alone(batch, tmp_path, seed):
    place, log = tmp_path / "place", tmp_path / "cut.log"
    child = begin(partial(batch.work, place), log)
    random = Random(seed)
    for page in random.sample(sorted((place / "pages").iterdir()), 3):
        time.sleep(random.uniform(0, 0.3))
        os.truncate(page, page.stat().st_size // 2)
    assert end(child) in (0, 1)
    said(log)
    for name, content in batch.result(place).items():
        assert batch.whole[name] == content


@pytest.mark.parametrize("seed", range(3))
def test_an_output_that_is_removed_in_mid_run_is_written_by_the_next(batch, tmp_path, seed):
    place, log = tmp_path / "place", tmp_path / "gone.log"
    child = begin(partial(batch.work, place), log)
    time.sleep(Random(seed).uniform(0.1, 1))
    shutil.rmtree(place / "out", ignore_errors=True)
    assert end(child) in (0, 1)
    said(log)
    assert to_the_end(partial(batch.work, place), log) == 0
    assert batch.result(place) == batch.whole


@pytest.mark.parametrize("suffix", [".bmp", ".ppm", ".tif", ".png", ".jpg", ".webp", ".pdf"])
def test_a_page_that_is_cut_while_it_is_read_is_no_crash(tmp_path, suffix, monkeypatch):
    """A file that is mapped into memory would take the process with it."""
    path = tmp_path / f"page{suffix}"
    noise = np.random.default_rng(1).integers(0, 256, (2000, 1500, 3), np.uint8)
    Image.fromarray(noise).save(path)

    def work():
        try:
            (page,) = read_pages(path, in_bands=True)
            page.pixels[0:10]
            os.truncate(path, 20_000)
            page.pixels[0:2000]
        except FileError:
            return 3
        return 0

    assert to_the_end(work, tmp_path / "log") in (0, 3), (tmp_path / "log").read_text()
