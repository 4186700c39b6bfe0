"""Many files with a stand-in for the network, which takes what is dark for ink."""

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from docbin_napari.inference import predict as predict_module
from docbin_napari.inference.batch import BatchModel, binarize_files
from docbin_napari.inference.config import InferenceConfig
from docbin_napari.inference.events import (
    FileFailed,
    FileSkipped,
    FileStarted,
    FileWritten,
    PageProgress,
)
from docbin_napari.inference.outputs import OutputConfig, plan_jobs
from docbin_napari.inference.predict import DeviceMemoryError, Progress
from docbin_napari.io.mask import read_ground_truth
from docbin_napari.io.page import PageError, read_pages


class DarkIsInk:
    """What a batch needs of a model."""

    threshold = 0.5


@pytest.fixture(autouse=True)
def stand_in(monkeypatch):
    """Replace the network: the probability is the darkness of the red channel."""

    def predict(pixels, model, config, out):
        assert out.dtype == np.uint8
        yield Progress(0, 2, slice(0, 0), slice(0, 0))
        height, width = out.shape
        for number, rows in enumerate([slice(0, height // 2), slice(height // 2, height)], 1):
            for columns in (slice(0, width // 3), slice(width // 3, width)):
                out[rows, columns] = 255 - pixels[rows][:, columns, 0]
            yield Progress(number, 2, rows, slice(0, width))

    monkeypatch.setattr(predict_module, "predict", predict)


def draw_page(path, number=0, dpi=(300, 300)):
    """Write a page whose stroke lies in another row for each number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels_of(number)).save(path, dpi=dpi)
    return path


def pixels_of(number):
    pixels = np.full((20, 30 + number), 240, dtype=np.uint8)
    pixels[3 + number, 5:25] = 10
    return pixels


def draw_file_of_pages(path, count=3):
    first, *others = (Image.fromarray(pixels_of(number)) for number in range(count))
    first.save(path, save_all=True, append_images=others, dpi=(200, 200))
    return path


def run(paths, threshold=None, load=DarkIsInk, **settings):
    config = OutputConfig(**settings)
    model = BatchModel(load, InferenceConfig(), threshold)
    return list(binarize_files(plan_jobs(paths, config), model, config))


def ends(events):
    return [event for event in events if not isinstance(event, FileStarted | PageProgress)]


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def load_nothing():
    raise AssertionError("the model must not be loaded")


def test_a_page_becomes_a_one_bit_mask_with_its_dpi(tmp_path):
    page = draw_page(tmp_path / "page.png", dpi=(300, 200))
    mask = tmp_path / "auto_bin" / "page.png"
    assert ends(run([page])) == [FileWritten(page, (mask,))]
    with Image.open(mask) as image:
        assert image.mode == "1"
    np.testing.assert_array_equal(read_ground_truth(mask).ink, pixels_of(0) < 128)
    assert next(read_pages(mask)).dpi == pytest.approx((300, 200))
    assert files_in(tmp_path / "auto_bin") == ["page.png"]


def test_events_in_order(tmp_path):
    """Of each file in order; a file may end when the next one has started."""
    first, second = (draw_page(tmp_path / name) for name in ("a.png", "b.png"))
    events = run([first, second])
    for number, source in enumerate([first, second], start=1):
        of_file = [event for event in events if event.source == source]
        assert of_file[0] == FileStarted(source, number, 2)
        assert of_file[1:4] == [PageProgress(source, 1, 1, done, 2) for done in range(3)]
        assert [type(event) for event in of_file[4:]] == [FileWritten]
    assert events.index(FileStarted(first, 1, 2)) < events.index(FileStarted(second, 2, 2))


def test_the_next_file_is_decoded_before_it_is_asked_for(tmp_path, monkeypatch):
    from docbin_napari.inference import treatment

    second_is_open = threading.Event()

    def watched(path, **settings):
        for page in read_pages(path, **settings):
            if path.name == "b.png":
                second_is_open.set()
            yield page

    monkeypatch.setattr(treatment, "read_pages", watched)
    paths = [draw_page(tmp_path / name) for name in ("a.png", "b.png", "c.png")]
    config = OutputConfig()
    model = BatchModel(DarkIsInk, InferenceConfig(), None)
    events = binarize_files(plan_jobs(paths, config), model, config)
    assert next(events).source == paths[0]
    assert second_is_open.wait(timeout=30)
    events.close()


def test_stopping_writes_what_is_computed(tmp_path):
    """The first file is being written when the second one starts: it must not be lost."""
    paths = [draw_page(tmp_path / name) for name in ("a.png", "b.png", "c.png")]
    config = OutputConfig()
    events = binarize_files(
        plan_jobs(paths, config), BatchModel(DarkIsInk, InferenceConfig(), None), config
    )
    for event in events:
        if isinstance(event, FileStarted) and event.number == 2:
            break
    events.close()
    assert files_in(tmp_path / "auto_bin") == ["a.png"]


def test_done_files_are_skipped_without_loading_the_model(tmp_path):
    page = draw_page(tmp_path / "page.png")
    run([page])
    mask = tmp_path / "auto_bin" / "page.png"
    before = mask.stat().st_mtime_ns
    assert ends(run([page], load=load_nothing)) == [FileSkipped(page)]
    assert mask.stat().st_mtime_ns == before


def test_overwrite_writes_again(tmp_path):
    page = draw_page(tmp_path / "page.png")
    run([page])
    draw_page(page, number=4)
    run([page], overwrite=True)
    ink = read_ground_truth(tmp_path / "auto_bin" / "page.png").ink
    np.testing.assert_array_equal(ink, pixels_of(4) < 128)


def test_a_missing_probability_is_not_done(tmp_path):
    page = draw_page(tmp_path / "page.png")
    run([page])
    (end,) = ends(run([page], probability=True))
    assert isinstance(end, FileWritten)
    probability = next(read_pages(tmp_path / "auto_bin" / "page_probability.png"))
    np.testing.assert_array_equal(probability.pixels[..., 0], 255 - pixels_of(0))


@pytest.mark.parametrize(("threshold", "rows"), [(0, 20), (0.5, 1), (0.9608, 0), (1, 0)])
def test_threshold(tmp_path, threshold, rows):
    """The stroke has a probability of 245/255 = 0.96078, the paper of 15/255."""
    page = draw_page(tmp_path / "page.png")
    run([page], threshold=threshold)
    ink = read_ground_truth(tmp_path / "auto_bin" / "page.png").ink
    assert ink.any(axis=1).sum() == rows


def test_a_threshold_of_exactly_one_step_includes_it():
    for value in range(256):
        model = BatchModel(load_nothing, InferenceConfig(), threshold=value / 255)
        assert model.lowest() == value


def test_the_threshold_of_the_model(tmp_path):
    class Reluctant:
        threshold = 0.99

    page = draw_page(tmp_path / "page.png")
    run([page], load=Reluctant)
    assert not read_ground_truth(tmp_path / "auto_bin" / "page.png").ink.any()


def test_pages_of_a_file_become_numbered_png(tmp_path):
    source = draw_file_of_pages(tmp_path / "letters.tif")
    (end,) = ends(run([source], probability=True))
    out = tmp_path / "auto_bin"
    assert files_in(out) == sorted(
        f"letters_00{number}{kind}.png" for number in (1, 2, 3) for kind in ("", "_probability")
    )
    assert set(end.outputs) == set(out.iterdir())
    for number in range(3):
        ink = read_ground_truth(out / f"letters_00{number + 1}.png").ink
        np.testing.assert_array_equal(ink, pixels_of(number) < 128)


def test_pages_of_a_file_stay_one_tiff(tmp_path):
    source = draw_file_of_pages(tmp_path / "letters.tif")
    run([source], format="tiff", probability=True)
    masks = list(read_pages(tmp_path / "auto_bin" / "letters.tiff"))
    assert files_in(tmp_path / "auto_bin") == ["letters.tiff", "letters_probability.tiff"]
    assert [page.dpi for page in masks] == 3 * [(200, 200)]
    for number, mask in enumerate(masks):
        np.testing.assert_array_equal(mask.pixels[..., 0] == 0, pixels_of(number) < 128)


def test_missing_pages_of_a_file_are_made_up_for(tmp_path):
    source = draw_file_of_pages(tmp_path / "letters.tif")
    run([source])
    out = tmp_path / "auto_bin"
    (out / "letters_002.png").unlink()
    assert ends(run([source])) == [FileWritten(source, (out / "letters_002.png",))]
    assert ends(run([source], load=load_nothing)) == [FileSkipped(source)]


def test_numbered_pages_never_replace_the_result_of_another_file(tmp_path):
    source = draw_file_of_pages(tmp_path / "a.tif")
    other = draw_page(tmp_path / "a_002.png", number=9)
    events = ends(run([other, source]))
    assert events[0] == FileWritten(other, (tmp_path / "auto_bin" / "a_002.png",))
    assert events[1] == FileFailed(source, f"its result would replace that of {other}")
    ink = read_ground_truth(tmp_path / "auto_bin" / "a_002.png").ink
    np.testing.assert_array_equal(ink, pixels_of(9) < 128)


def test_a_bad_file_does_not_stop_the_others(tmp_path):
    good = [draw_page(tmp_path / name) for name in ("a.png", "c.png")]
    (tmp_path / "b.png").write_bytes(b"this is no picture")
    missing = tmp_path / "d.png"
    events = ends(run([tmp_path, missing]))
    assert [type(event) for event in events] == [FileWritten, FileFailed, FileWritten, FileFailed]
    assert [event.source for event in events] == [
        good[0], tmp_path / "b.png", good[1], missing
    ]  # fmt: skip
    assert str(tmp_path) not in events[1].reason
    assert events[3].reason == "there is no such file or folder"


def test_a_page_too_large_is_one_line(tmp_path):
    page = draw_page(tmp_path / "page.png")
    (end,) = ends(run([page], pixel_limit=100))
    assert isinstance(end, FileFailed)
    assert "100" in end.reason


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    page = draw_page(tmp_path / "page.png")
    (tmp_path / "auto_bin").write_text("in the way")
    (end,) = ends(run([page]))
    assert isinstance(end, FileFailed)
    assert "auto_bin" in end.reason
    assert "\n" not in end.reason


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DeviceMemoryError("the memory of the cuda device is too small"), "cuda device is too"),
        (MemoryError(), "not enough memory"),
        (OSError(28, "No space left on device"), "No space left"),
    ],
)
def test_trouble_with_one_page_does_not_stop_the_others(tmp_path, monkeypatch, error, words):
    first, second = (draw_page(tmp_path / name) for name in ("a.png", "b.png"))
    working = predict_module.predict

    def fails_once(pixels, model, config, out):
        monkeypatch.setattr(predict_module, "predict", working)
        yield Progress(0, 2, slice(0, 0), slice(0, 0))
        raise error

    monkeypatch.setattr(predict_module, "predict", fails_once)
    failed, written = ends(run([first, second]))
    assert isinstance(failed, FileFailed)
    assert words in failed.reason
    assert isinstance(written, FileWritten)
    assert files_in(tmp_path / "auto_bin") == ["b.png"]


def test_a_model_that_cannot_be_loaded_ends_the_batch(tmp_path):
    def load():
        raise LookupError("no such model")

    with pytest.raises(LookupError):
        run([draw_page(tmp_path / "page.png")], load=load)


def test_the_model_is_loaded_once(tmp_path):
    loaded = []

    def load():
        loaded.append(DarkIsInk())
        return loaded[0]

    run([draw_page(tmp_path / name) for name in ("a.png", "b.png")], load=load)
    assert len(loaded) == 1


@pytest.mark.parametrize("form", ["png", "tiff"])
def test_an_interrupt_leaves_whole_files_only(tmp_path, form, monkeypatch):
    """The second page of three is interrupted in its middle."""
    source = draw_file_of_pages(tmp_path / "letters.tif")
    working = predict_module.predict
    started = []

    def interrupted(pixels, model, config, out):
        started.append(out)
        for progress in working(pixels, model, config, out):
            if len(started) == 2 and progress.done == 1:
                raise KeyboardInterrupt
            yield progress

    monkeypatch.setattr(predict_module, "predict", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run([source], format=form)
    left = files_in(tmp_path / "auto_bin") if (tmp_path / "auto_bin").exists() else []
    assert left == (["letters_001.png"] if form == "png" else [])
    monkeypatch.setattr(predict_module, "predict", working)
    (end,) = ends(run([source], format=form))
    assert len(end.outputs) == (2 if form == "png" else 1)


def test_an_interrupt_while_writing_leaves_nothing(tmp_path, monkeypatch):
    page = draw_page(tmp_path / "page.png")

    def interrupted(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Image.Image, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run([page])
    assert files_in(tmp_path / "auto_bin") == []


def test_only_two_pages_are_in_memory(tmp_path, monkeypatch):
    """When a page is asked for, the one before is computed, and those before that are gone."""
    import weakref

    from docbin_napari.inference import treatment

    source = draw_file_of_pages(tmp_path / "letters.tif")
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

    monkeypatch.setattr(treatment, "read_pages", watched)
    for form in ("png", "tiff"):
        (end,) = ends(run([source], format=form))
        assert isinstance(end, FileWritten)
    assert len(alive) == 6


def test_events_can_be_dropped_in_between(tmp_path):
    page = draw_page(tmp_path / "page.png")
    config = OutputConfig()
    events = binarize_files(
        plan_jobs([page], config), BatchModel(DarkIsInk, InferenceConfig()), config
    )
    assert isinstance(next(events), FileStarted)
    assert isinstance(next(events), PageProgress)
    events.close()
    assert not Path(tmp_path / "auto_bin").exists()


def test_the_pages_before_a_damaged_one_are_written(tmp_path, monkeypatch):
    from docbin_napari.inference import treatment

    source = draw_file_of_pages(tmp_path / "letters.tif")

    def damaged(path, **settings):
        for page in read_pages(path, **settings):
            if page.index == 2:
                raise PageError(path, "page 3: the image is damaged")
            yield page

    monkeypatch.setattr(treatment, "read_pages", damaged)
    (end,) = ends(run([source]))
    assert end == FileFailed(source, "page 3: the image is damaged")
    assert files_in(tmp_path / "auto_bin") == ["letters_001.png", "letters_002.png"]
