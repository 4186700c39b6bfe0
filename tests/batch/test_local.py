"""Many files with a stand-in for the network, which takes what is dark for ink."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from PIL import Image

from docbin_napari.batch import binarizer
from docbin_napari.batch.binarizer import binarize_files
from docbin_napari.batch.jobs import (
    FileFailed,
    FileSkipped,
    FileStarted,
    FileWritten,
    OutputConfig,
    PageProgress,
    plan_jobs,
)
from docbin_napari.batch.made_from import BatchModel
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.page_reader import PageReader
from docbin_napari.io.mask import read_ground_truth
from docbin_napari.io.page import read_pages


def test_a_page_becomes_a_one_bit_mask_with_its_dpi(batch, tmp_path):
    page = batch.draw_page(tmp_path / "page.png", dpi=(300, 200))
    mask = tmp_path / "auto_bin" / "page.png"
    assert batch.ends(batch.run([page])) == [FileWritten(page, (mask,))]
    with Image.open(mask) as image:
        assert image.mode == "1"
    np.testing.assert_array_equal(read_ground_truth(mask).ink, batch.pixels_of(0) < 128)
    assert next(read_pages(mask)).dpi == pytest.approx((300, 200))
    assert batch.files_in(tmp_path / "auto_bin") == ["page.png"]


def test_events_in_order(batch, tmp_path):
    """Of each file in order; a file may end when the next one has started."""
    first, second = (batch.draw_page(tmp_path / name) for name in ("a.png", "b.png"))
    events = batch.run([first, second])
    for source in (first, second):
        of_file = [event for event in events if event.source == source]
        assert of_file[0] == FileStarted(source)
        assert of_file[1:4] == [PageProgress(source, 1, 1, done, 2) for done in range(3)]
        assert [type(event) for event in of_file[4:]] == [FileWritten]
    assert events.index(FileStarted(first)) < events.index(FileStarted(second))


def test_the_next_file_is_decoded_before_it_is_asked_for(batch, tmp_path, monkeypatch):
    second_is_open = threading.Event()

    def watched(path, **settings):
        for page in read_pages(path, **settings):
            if path.name == "b.png":
                second_is_open.set()
            yield page

    monkeypatch.setattr(binarizer, "read_pages", watched)
    paths = [batch.draw_page(tmp_path / name) for name in ("a.png", "b.png", "c.png")]
    config = OutputConfig()
    model = BatchModel(batch.DarkIsInk, InferenceConfig(), None)
    events = binarize_files(plan_jobs(paths, config), model, config)
    assert next(events).source == paths[0]
    assert second_is_open.wait(timeout=30)
    events.close()


@pytest.mark.parametrize(("cores", "ahead"), [(2, 1), (16, 4), (128, 8)])
def test_files_are_opened_ahead_as_the_cores_of_this_process_allow(monkeypatch, cores, ahead):
    """However many the machine has: each page that waits takes memory."""
    counts = []
    monkeypatch.setattr(binarizer, "map_ahead", lambda *given: counts.append(given[-1]) or iter(()))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 128)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    list(binarize_files([], BatchModel(dict, InferenceConfig()), OutputConfig()))
    assert counts == [ahead]


def test_done_files_are_skipped_without_loading_the_model(batch, tmp_path):
    page = batch.draw_page(tmp_path / "page.png")
    batch.run([page])
    mask = tmp_path / "auto_bin" / "page.png"
    before = mask.stat().st_mtime_ns
    assert batch.ends(batch.run([page], load=batch.load_nothing)) == [FileSkipped(page)]
    assert mask.stat().st_mtime_ns == before


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_what_a_run_with_other_settings_writes_meanwhile_is_kept(batch, tmp_path, format):
    page, config = batch.draw_page(tmp_path / "page.png"), OutputConfig(format=format)

    def run(load, **recipe):
        model = BatchModel(load, InferenceConfig(), recipe["threshold"], recipe)
        return batch.ends(binarize_files(plan_jobs([page], config), model, config))

    def while_another_runs():
        run(batch.DarkIsInk, threshold=0.0)
        return batch.DarkIsInk()

    (end,) = run(while_another_runs, threshold=0.5)
    assert isinstance(end, FileFailed)
    assert "done already, but with another model or other settings" in end.reason
    (mask,) = (tmp_path / "auto_bin").iterdir()
    assert read_ground_truth(mask).ink.all()


def test_overwrite_writes_again(batch, tmp_path):
    page = batch.draw_page(tmp_path / "page.png")
    batch.run([page])
    batch.draw_page(page, number=4)
    batch.run([page], overwrite=True)
    ink = read_ground_truth(tmp_path / "auto_bin" / "page.png").ink
    np.testing.assert_array_equal(ink, batch.pixels_of(4) < 128)


def test_a_missing_probability_is_not_done(batch, tmp_path):
    page = batch.draw_page(tmp_path / "page.png")
    batch.run([page])
    (end,) = batch.ends(batch.run([page], probability=True))
    assert isinstance(end, FileWritten)
    probability = next(read_pages(tmp_path / "auto_bin" / "page_probability.png"))
    np.testing.assert_array_equal(probability.pixels[..., 0], 255 - batch.pixels_of(0))


@pytest.mark.parametrize(("threshold", "rows"), [(0, 20), (0.5, 1), (0.9608, 0), (1, 0)])
def test_threshold(batch, tmp_path, threshold, rows):
    """The stroke has a probability of 245/255 = 0.96078, the paper of 15/255."""
    page = batch.draw_page(tmp_path / "page.png")
    batch.run([page], threshold=threshold)
    ink = read_ground_truth(tmp_path / "auto_bin" / "page.png").ink
    assert ink.any(axis=1).sum() == rows


def test_a_threshold_of_exactly_one_step_includes_it(batch):
    for value in range(256):
        model = BatchModel(batch.load_nothing, InferenceConfig(), threshold=value / 255)
        assert model.lowest() == value


def test_the_threshold_of_the_model(batch, tmp_path):
    class Reluctant:
        threshold = 0.99

    page = batch.draw_page(tmp_path / "page.png")
    batch.run([page], load=Reluctant)
    assert not read_ground_truth(tmp_path / "auto_bin" / "page.png").ink.any()


def test_the_model_knows_from_which_file_a_page_is(batch, tmp_path, monkeypatch):
    files, of = [], PageReader.of

    def noted(pixels, model, config, file):
        files.append(file)
        return of(pixels, model, config)

    monkeypatch.setattr(PageReader, "of", noted)
    page = batch.draw_page(tmp_path / "page.png")
    batch.run([page])
    assert files == [page]


def test_pages_of_a_file_become_numbered_png(batch, tmp_path):
    source = batch.draw_file_of_pages(tmp_path / "letters.tif")
    (end,) = batch.ends(batch.run([source], probability=True))
    out = tmp_path / "auto_bin"
    assert batch.files_in(out) == sorted(
        f"letters_00{number}{kind}.png" for number in (1, 2, 3) for kind in ("", "_probability")
    )
    assert set(end.outputs) == set(out.iterdir())
    for number in range(3):
        ink = read_ground_truth(out / f"letters_00{number + 1}.png").ink
        np.testing.assert_array_equal(ink, batch.pixels_of(number) < 128)


def test_pages_of_a_file_stay_one_tiff(batch, tmp_path):
    source = batch.draw_file_of_pages(tmp_path / "letters.tif")
    batch.run([source], format="tiff", probability=True)
    masks = list(read_pages(tmp_path / "auto_bin" / "letters.tiff"))
    assert batch.files_in(tmp_path / "auto_bin") == ["letters.tiff", "letters_probability.tiff"]
    assert [page.dpi for page in masks] == 3 * [(200, 200)]
    for number, mask in enumerate(masks):
        np.testing.assert_array_equal(mask.pixels[..., 0] == 0, batch.pixels_of(number) < 128)


def test_missing_pages_of_a_file_are_made_up_for(batch, tmp_path):
    source = batch.draw_file_of_pages(tmp_path / "letters.tif")
    batch.run([source])
    out = tmp_path / "auto_bin"
    (out / "letters_002.png").unlink()
    assert batch.ends(batch.run([source])) == [FileWritten(source, (out / "letters_002.png",))]
    assert batch.ends(batch.run([source], load=batch.load_nothing)) == [FileSkipped(source)]


def test_numbered_pages_never_replace_the_result_of_another_file(batch, tmp_path):
    source = batch.draw_file_of_pages(tmp_path / "a.tif")
    other = batch.draw_page(tmp_path / "a_002.png", number=9)
    events = batch.ends(batch.run([other, source]))
    assert events[0] == FileWritten(other, (tmp_path / "auto_bin" / "a_002.png",))
    reason = f"its result would replace that of {other}: use two --output"
    assert events[1] == FileFailed(source, reason)
    ink = read_ground_truth(tmp_path / "auto_bin" / "a_002.png").ink
    np.testing.assert_array_equal(ink, batch.pixels_of(9) < 128)


def test_the_model_is_loaded_once(batch, tmp_path):
    loaded = []

    def load():
        loaded.append(batch.DarkIsInk())
        return loaded[0]

    batch.run([batch.draw_page(tmp_path / name) for name in ("a.png", "b.png")], load=load)
    assert len(loaded) == 1


def test_only_two_pages_are_in_memory(batch, tmp_path, monkeypatch):
    """When a page is asked for, the one before is computed, and those before that are gone."""
    import weakref

    source = batch.draw_file_of_pages(tmp_path / "letters.tif")
    alive: list[weakref.ref] = []

    def watched(path, **settings):
        for page in read_pages(path, **settings):
            pixels = page.pixels.copy()
            alive.append(weakref.ref(pixels))
            handed = type(page)(pixels, page.dpi, page.source, page.index, page.count)
            del page, pixels
            # Handed over without keeping a name for it here.
            box = [handed]
            del handed
            yield box.pop()
            assert all(pixels() is None for pixels in alive[:-1])

    monkeypatch.setattr(binarizer, "read_pages", watched)
    for form in ("png", "tiff"):
        (end,) = batch.ends(batch.run([source], format=form))
        assert isinstance(end, FileWritten)
    assert len(alive) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="other C libraries give memory back themselves")
def test_large_blocks_that_are_freed_leave_the_process():
    """A small block behind each large one keeps the heap from shrinking."""
    left = subprocess.run(
        [sys.executable, "-c", _FREE_LARGE_BLOCKS], capture_output=True, text=True, check=True
    )
    assert int(left.stdout) < 32


_FREE_LARGE_BLOCKS = """
import os
import numpy as np
from docbin_napari.batch.binarizer import FileBinarizer
from docbin_napari.batch.jobs import OutputConfig
from docbin_napari.batch.made_from import BatchModel
from docbin_napari.inference.inference_config import InferenceConfig

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

FileBinarizer(BatchModel(lambda: None, InferenceConfig()), OutputConfig())
first = np.ones(24 << 20, np.uint8)
del first  # From now on, glibc by itself keeps blocks of less than 24 MiB.
before = resident()
blocks = [(np.ones(16 << 20, np.uint8), np.ones(100_000, np.uint8)) for _ in range(10)]
small = [each for _, each in blocks]
del blocks
print(resident() - before)
"""
