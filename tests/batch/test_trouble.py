"""Files that fail, batches that are stopped: what is written stays whole, what is not is said."""

import os
from pathlib import Path

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
from docbin_napari.batch.made_from import BatchModel, done_otherwise
from docbin_napari.inference import predict as predict_module
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.predict import DeviceMemoryError, Progress
from docbin_napari.io.mask import read_ground_truth
from docbin_napari.io.tiff_header import read_tiff_header


def test_stopping_writes_what_is_computed(batch, tmp_path):
    """The first file is being written when the second one starts: it must not be lost."""
    paths = [batch.draw_page(tmp_path / name) for name in ("a.png", "b.png", "c.png")]
    config = OutputConfig()
    events = binarize_files(
        plan_jobs(paths, config), BatchModel(batch.DarkIsInk, InferenceConfig(), None), config
    )
    for event in events:
        if isinstance(event, FileStarted) and event.source == paths[1]:
            break
    events.close()
    assert batch.files_in(tmp_path / "auto_bin") == ["a.png"]


def test_a_bad_file_does_not_stop_the_others(batch, tmp_path):
    good = [batch.draw_page(tmp_path / name) for name in ("a.png", "c.png")]
    (tmp_path / "b.png").write_bytes(b"this is no picture")
    missing = tmp_path / "d.png"
    events = batch.ends(batch.run([tmp_path, missing]))
    assert [type(event) for event in events] == [FileWritten, FileFailed, FileWritten, FileFailed]
    assert [event.source for event in events] == [
        good[0], tmp_path / "b.png", good[1], missing
    ]  # fmt: skip
    assert str(tmp_path) not in events[1].reason
    assert events[3].reason == "there is no such file or folder"


def test_a_page_too_large_is_one_line(batch, tmp_path):
    page = batch.draw_page(tmp_path / "page.png")
    (end,) = batch.ends(batch.run([page], pixel_limit=100))
    assert isinstance(end, FileFailed)
    assert "100" in end.reason


def test_a_folder_that_cannot_be_made_is_one_line(batch, tmp_path):
    page = batch.draw_page(tmp_path / "page.png")
    (tmp_path / "auto_bin").write_text("in the way")
    (end,) = batch.ends(batch.run([page]))
    assert isinstance(end, FileFailed)
    assert "auto_bin" in end.reason
    assert "\n" not in end.reason


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DeviceMemoryError("the memory of the cuda device is too small"), "cuda device is too"),
        (MemoryError(), "not enough memory"),
        (OSError(28, "No space left on device"), "No space left"),
        (ValueError("a defect of ours"), "unexpected ValueError: a defect of ours"),
    ],
)
def test_trouble_with_one_page_does_not_stop_the_others(batch, tmp_path, monkeypatch, error, words):
    first, second = (batch.draw_page(tmp_path / name) for name in ("a.png", "b.png"))
    working = predict_module.predict_with

    def fails_once(reader, config, out):
        monkeypatch.setattr(predict_module, "predict_with", working)
        yield Progress(0, 2, slice(0, 0), slice(0, 0))
        raise error

    monkeypatch.setattr(predict_module, "predict_with", fails_once)
    failed, written = batch.ends(batch.run([first, second]))
    assert isinstance(failed, FileFailed)
    assert words in failed.reason
    assert isinstance(written, FileWritten)
    assert batch.files_in(tmp_path / "auto_bin") == ["b.png"]


@pytest.mark.parametrize("name", ["read_pages", "write_mask"])
def test_a_defect_that_one_file_meets_does_not_stop_the_others(batch, tmp_path, monkeypatch, name):
    paths = [batch.draw_page(tmp_path / page) for page in ("a.png", "b.png")]
    working = getattr(binarizer, name)

    def fails_for_one(path, *arguments, **settings):
        if "a.png" in str(path):
            raise ValueError("max() of an empty sequence")
        return working(path, *arguments, **settings)

    monkeypatch.setattr(binarizer, name, fails_for_one)
    failed, written = batch.ends(batch.run(paths))
    assert "unexpected ValueError: max() of an empty sequence" in failed.reason
    assert isinstance(written, FileWritten)


def test_a_resolution_that_no_format_can_keep_is_none(batch, tmp_path):
    page = batch.draw_page(tmp_path / "a.tif")
    with Image.open(page) as image:
        image.save(page, dpi=(0.001, 0.001))
        image.save(tmp_path / "b.tif", dpi=(4e9, 4e9))
    first, second = batch.ends(batch.run([page, tmp_path / "b.tif"]))
    assert isinstance(first, FileWritten)
    assert isinstance(second, FileWritten)


def test_of_two_results_of_one_name_the_first_is_written(batch, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    first, second = (batch.draw_page(tmp_path / folder / "1.png") for folder in ("one", "two"))
    written, failed = batch.ends(batch.run([first, second], output=tmp_path / "out"))
    assert (written.source, failed.source) == (first, second)
    assert str(first) in failed.reason
    assert batch.files_in(tmp_path / "out") == ["1.png"]


def test_a_model_that_cannot_be_loaded_ends_the_batch(batch, tmp_path):
    def load():
        raise LookupError("no such model")

    with pytest.raises(LookupError):
        batch.run([batch.draw_page(tmp_path / "page.png")], load=load)


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_an_interrupt_leaves_whole_files_only(batch, tmp_path, form, monkeypatch):
    """The second page of three is interrupted in its middle."""
    source = batch.draw_file_of_pages(tmp_path / "letters.tif")
    working = predict_module.predict_with
    started = []

    def interrupted(reader, config, out):
        started.append(out)
        for progress in working(reader, config, out):
            if len(started) == 2 and progress.done == 1:
                raise KeyboardInterrupt
            yield progress

    monkeypatch.setattr(predict_module, "predict_with", interrupted)
    with pytest.raises(KeyboardInterrupt):
        batch.run([source], format=form)
    left = batch.files_in(tmp_path / "auto_bin") if (tmp_path / "auto_bin").exists() else []
    assert left == (["letters_001.png"] if form == "png" else [])
    monkeypatch.setattr(predict_module, "predict_with", working)
    (end,) = batch.ends(batch.run([source], format=form))
    assert len(end.outputs) == (2 if form == "png" else 1)


def test_an_interrupt_while_writing_leaves_nothing(batch, tmp_path, monkeypatch):
    page = batch.draw_page(tmp_path / "page.png")

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        batch.run([page])
    assert batch.files_in(tmp_path / "auto_bin") == []


def test_events_can_be_dropped_in_between(batch, tmp_path):
    page = batch.draw_page(tmp_path / "page.png")
    config = OutputConfig()
    events = binarize_files(
        plan_jobs([page], config), BatchModel(batch.DarkIsInk, InferenceConfig()), config
    )
    assert isinstance(next(events), FileStarted)
    assert isinstance(next(events), PageProgress)
    events.close()
    assert not Path(tmp_path / "auto_bin").exists()


def damage_pages(path, *indices):
    whole = bytearray(path.read_bytes())
    for index in indices:
        ((place, length),) = read_tiff_header(path).pages[index].extents
        whole[place : place + length] = b"?" * length
    path.write_bytes(whole)


@pytest.mark.parametrize("damaged", [[0], [0, 1], [1], [2], [1, 2]])
def test_the_pages_around_a_damaged_one_are_written(batch, tmp_path, damaged):
    source = tmp_path / "letters.tif"
    first, *others = (Image.fromarray(batch.pixels_of(number)) for number in range(5))
    first.save(source, save_all=True, append_images=others, compression="tiff_adobe_deflate")
    damage_pages(source, *damaged)
    whole = [number for number in range(5) if number not in damaged]
    for _ in range(2):
        (end,) = batch.ends(batch.run([source]))
        *reasons, rest = end.reason.split("; ")
        assert [reason[:7] for reason in reasons] == [f"page {index + 1}:" for index in damaged]
        assert rest == "all other pages are done"
        assert batch.files_in(tmp_path / "auto_bin") == [f"letters_00{n + 1}.png" for n in whole]
    for number in whole:
        ink = read_ground_truth(tmp_path / "auto_bin" / f"letters_00{number + 1}.png").ink
        np.testing.assert_array_equal(ink, batch.pixels_of(number) < 128)
    damage_pages(source, 0, 1, 2, 3)
    (end,) = batch.ends(batch.run([source], overwrite=True))
    assert end.reason.endswith("; 1 more of its pages failed; all other pages are done")
    (end,) = batch.ends(batch.run([source], format="tiff"))
    assert end.reason.startswith("page 1: ")
    assert not (tmp_path / "auto_bin" / "letters.tiff").exists()


def test_a_file_of_damaged_pages_alone_fails_once(batch, tmp_path):
    source = tmp_path / "letters.tif"
    first, *others = (Image.fromarray(batch.pixels_of(number)) for number in range(3))
    first.save(source, save_all=True, append_images=others, compression="tiff_adobe_deflate")
    damage_pages(source, 0, 1, 2)
    (end,) = batch.ends(batch.run([source]))
    assert [reason[:7] for reason in end.reason.split("; ")] == ["page 1:", "page 2:", "page 3:"]


@pytest.mark.parametrize("error", [ValueError("a defect of ours"), MemoryError()])
def test_a_page_that_fails_in_the_network_does_not_stop_its_file(
    batch, tmp_path, monkeypatch, error
):
    source = batch.draw_file_of_pages(tmp_path / "letters.tif")
    working, asked = predict_module.predict_with, []

    def fails_at_second(reader, config, out):
        asked.append(reader)
        yield from working(reader, config, out)
        if len(asked) == 2:
            raise error

    monkeypatch.setattr(predict_module, "predict_with", fails_at_second)
    (end,) = batch.ends(batch.run([source]))
    assert end.reason.startswith("page 2: ")
    assert batch.files_in(tmp_path / "auto_bin") == ["letters_001.png", "letters_003.png"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_among_the_pages_holds_nothing_up(batch, tmp_path):
    pages = [batch.draw_page(tmp_path / name) for name in ("a.png", "z.png")]
    os.mkfifo(tmp_path / "m.png")
    ends = batch.ends(batch.run([pages[0], tmp_path / "m.png", pages[1]]))
    assert [type(end) for end in ends] == [FileWritten, FileFailed, FileWritten]
    assert "a device or a pipe" in ends[1].reason
    pages[0].unlink()
    os.mkfifo(pages[0])
    (end,) = batch.ends(batch.run(pages[:1]))
    assert "a device or a pipe" in end.reason


def test_a_name_that_leaves_no_room_for_a_number(batch, tmp_path):
    """The number of a page is not needed, but results with one are looked for."""
    page = batch.draw_page(tmp_path / f"{'b' * 249}.png")
    assert isinstance(batch.ends(batch.run([page]))[0], FileWritten)
    jobs = plan_jobs([page], OutputConfig())
    assert done_otherwise(jobs, OutputConfig(), {}) == ""
    assert isinstance(batch.ends(batch.run([page]))[0], FileSkipped)


def test_results_that_are_being_written_at_an_interrupt_are_counted(batch, tmp_path, monkeypatch):
    pages = [batch.draw_page(tmp_path / name) for name in ("a.png", "b.png")]
    real = predict_module.predict_with
    runs = []

    def interrupted(reader, config, out):
        runs.append(reader)
        if len(runs) == 2:
            raise KeyboardInterrupt
        yield from real(reader, config, out)

    monkeypatch.setattr(predict_module, "predict_with", interrupted)
    config, ends = OutputConfig(), []
    model = BatchModel(batch.DarkIsInk, InferenceConfig())
    with pytest.raises(KeyboardInterrupt):
        for event in binarize_files(plan_jobs(pages, config), model, config):
            ends.append(event)  # noqa: PERF402 (what came before the interrupt is kept)
    assert [end.source for end in ends if isinstance(end, FileWritten)] == pages[:1]
