import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.page_reader import PageReader
from docbin_napari.inference.predict import (
    DeviceMemoryError,
    InferenceError,
    binarize,
    glance,
    ink_probability,
    predict,
)
from docbin_napari.model.ink_model import InkModel

WHOLE = InferenceConfig(window=1024, overlap=0.0)
WINDOWED = InferenceConfig(window=96, overlap=0.6)
"""Overlap of 58 pixels: twice the context of the tiny network and a ramp."""


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@settings(max_examples=15)
@given(
    height=st.integers(97, 260),
    width=st.integers(97, 260),
    symmetries=st.sampled_from([1, 4]),
    seed=st.integers(0, 99),
)
def test_windowed_equals_whole_page(tiny_model, height, width, symmetries, seed):
    pixels = noise(height, width, seed)
    whole = ink_probability(pixels, tiny_model, replace(WHOLE, symmetries=symmetries))
    windowed = ink_probability(pixels, tiny_model, replace(WINDOWED, symmetries=symmetries))
    assert np.abs(whole - windowed).max() <= 1 / 255
    assert whole.std() > 0.01, "a network that says the same everywhere proves nothing"


@given(height=st.integers(1, 70), width=st.integers(1, 70))
def test_pages_smaller_than_a_window_work(tiny_model, height, width):
    probability = ink_probability(noise(height, width), tiny_model, "fast")
    assert probability.shape == (height, width)
    assert probability.dtype == np.float32
    assert 0 <= probability.min() <= probability.max() <= 1


@pytest.mark.parametrize("symmetry", range(8))
def test_eight_symmetries_make_the_answer_follow_the_page(tiny_model, symmetry):
    def turned(array: np.ndarray) -> np.ndarray:
        return np.rot90(array[:, ::-1] if symmetry >= 4 else array, symmetry % 4)

    pixels, config = noise(64, 96), replace(WHOLE, symmetries=8)
    straight = ink_probability(pixels, tiny_model, config)
    other_way = ink_probability(np.ascontiguousarray(turned(pixels)), tiny_model, config)
    np.testing.assert_allclose(turned(straight), other_way, atol=1e-5)


def test_a_constant_page_gives_a_constant_answer_away_from_its_border(tiny_model):
    probability = ink_probability(np.full((300, 200, 3), 200, np.uint8), tiny_model, WINDOWED)
    inner = probability[24:-24, 24:-24][:, ::4][::4]  # beyond the reach of the tiny network
    assert inner.std() < 1e-5


def test_every_pixel_is_written_once_and_progress_adds_up(tiny_model):
    config = replace(WINDOWED, symmetries=2, batch=2)
    pixels = noise(200, 250)
    out = np.full((200, 250), -1, np.float32)
    times = np.zeros(out.shape, int)
    reports = []
    for report in predict(pixels, tiny_model, config, out):
        times[report.rows, report.columns] += 1
        assert (out[times > 0] >= 0).all()
        assert (out[times == 0] == -1).all()
        reports.append(report)
    assert (times == 1).all()
    assert reports[0].done == 0
    assert reports[-1].done == reports[-1].total
    assert all(a.done <= b.done for a, b in itertools.pairwise(reports))
    np.testing.assert_array_equal(out, ink_probability(pixels, tiny_model, config))


def test_stopping_early_keeps_what_is_done(tiny_model):
    pixels = noise(300, 100)
    out = np.full((300, 100), -1, np.float32)
    steps = predict(pixels, tiny_model, replace(WINDOWED, batch=1), out)
    written = [next(steps) for _ in range(3)][-1]
    steps.close()
    finished = ink_probability(pixels, tiny_model, WINDOWED)
    np.testing.assert_allclose(
        out[written.rows, written.columns], finished[written.rows, written.columns], atol=1e-5
    )
    assert (out[-50:] == -1).all()


def test_eight_bit_results_are_the_rounded_probabilities(tiny_model):
    pixels = noise(120, 80)
    coarse = np.zeros((120, 80), np.uint8)
    for _ in predict(pixels, tiny_model, WHOLE, coarse):
        pass
    fine = ink_probability(pixels, tiny_model, WHOLE)
    np.testing.assert_array_equal(coarse, np.round(fine * 255))


def test_batches_do_not_change_the_answer(tiny_model):
    pixels = noise(150, 400)
    one, many = (ink_probability(pixels, tiny_model, replace(WINDOWED, batch=n)) for n in (1, 5))
    np.testing.assert_allclose(one, many, atol=1e-5)


def test_the_threshold_of_the_model_is_the_default(tiny_model):
    pixels = noise(64, 64)
    probability = ink_probability(pixels, tiny_model, "fast")
    np.testing.assert_array_equal(binarize(pixels, tiny_model, "fast"), probability >= 0.4)
    np.testing.assert_array_equal(
        binarize(pixels, tiny_model, "fast", threshold=0.6), probability >= 0.6
    )


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (np.zeros((4, 4), np.uint8), "RGB"),
        (np.zeros((4, 4, 4), np.uint8), "RGB"),
        (np.zeros((0, 4, 3), np.uint8), "above 0"),
        (np.zeros((4, 4, 3)), "uint8"),
    ],
)
def test_arrays_that_are_no_pages_are_refused(tiny_model, pixels, reason):
    with pytest.raises(ValueError, match=reason):
        ink_probability(pixels, tiny_model)


def test_a_result_of_another_shape_is_refused(tiny_model):
    with pytest.raises(ValueError, match=r"result must be .* \(4, 4\)"):
        next(predict(noise(4, 4), tiny_model, WHOLE, np.zeros((4, 5), np.float32)))


@pytest.mark.parametrize(
    ("raised", "expected", "words"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), DeviceMemoryError, "smaller windows"),
        (RuntimeError("MPS backend out of memory"), DeviceMemoryError, "smaller windows"),
        (RuntimeError("no kernel image\nmore"), InferenceError, "failed on cpu: no kernel image"),
    ],
)
def test_errors_of_the_engine_become_readable(tiny_model, monkeypatch, raised, expected, words):
    def fail(*_: object) -> None:
        raise raised

    monkeypatch.setattr(PageReader, "logits", fail)
    with pytest.raises(expected, match=words):
        ink_probability(noise(32, 32), tiny_model)


class ShortOfMemory:
    """Stands for the network on a device with room for some windows."""

    def __init__(self, engine, room):
        self.passes = []
        self._logits, self._room = engine.logits, room

    def __call__(self, pixels, *others):
        if len(pixels) > self._room:
            raise torch.OutOfMemoryError("out of memory")
        self.passes.append(len(pixels))
        return self._logits(pixels, *others)


def test_too_many_windows_for_the_memory_are_halved(tiny_model, monkeypatch):
    pixels = noise(100, 400)
    expected = ink_probability(pixels, tiny_model, WINDOWED)
    short = ShortOfMemory(tiny_model.engine, room=2)
    monkeypatch.setattr(tiny_model.engine, "logits", short)
    out = np.zeros((100, 400), np.float32)
    last = [*predict(pixels, tiny_model, replace(WINDOWED, batch=8), out)][-1]
    np.testing.assert_allclose(out, expected, atol=1e-5)
    assert max(short.passes) == 2
    assert last.done == last.total


class SmallGpu:
    """An engine whose device has no room for any window, beside one that has."""

    def __init__(self, cpu):
        self._cpu = cpu
        self.config, self.pixels_at_once = cpu.config, cpu.pixels_at_once
        self.device = replace(cpu.device, name="mps")

    def streams(self, passes):
        return min(passes, 2)

    def logits(self, *_):
        raise torch.OutOfMemoryError("out of memory")

    def on_cpu(self):
        return self._cpu


def test_a_window_too_large_for_the_device_goes_to_the_cpu(tiny_model):
    pixels = noise(100, 400)
    expected = ink_probability(pixels, tiny_model, WINDOWED)
    elsewhere = InkModel(SmallGpu(tiny_model.engine), tiny_model.info)
    with pytest.warns(UserWarning, match="continues on the CPU") as caught:
        probability = ink_probability(pixels, elsewhere, replace(WINDOWED, batch=4))
    assert len(caught) == 1
    np.testing.assert_allclose(probability, expected, atol=1e-5)


def test_a_page_that_is_given_up_stops_between_two_views(tiny_model, monkeypatch):
    """One view of the window in hand is finished, and none of the others is begun."""
    views, begun, go_on = [], Event(), Event()

    def logits(_, windows):
        views.append(len(windows))
        begun.set()
        assert go_on.wait(10)
        return np.zeros(windows.shape[:3], np.float32)

    monkeypatch.setattr(PageReader, "logits", logits)
    config = InferenceConfig(window=64, overlap=0.0, symmetries=8, batch=1, size="own")
    work = predict(noise(64, 640), tiny_model, config, np.zeros((64, 640), np.float32))
    next(work)
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(next, work)
        assert begun.wait(10)
        go_on.set()
        asked.result()
        done = len(views)
        work.close()
    assert len(views) <= done + tiny_model.engine.streams(10) + 1


def test_pages_that_may_not_be_written_or_are_turned_are_taken_as_they_are(tiny_model):
    pixels = noise(70, 90)
    expected = ink_probability(pixels, tiny_model)
    turned_twice = np.ascontiguousarray(pixels[::-1, ::-1])[::-1, ::-1]
    pixels.setflags(write=False)
    for page in (pixels, turned_twice):
        np.testing.assert_array_equal(ink_probability(page, tiny_model), expected)


def soft_page() -> np.ndarray:
    return ndimage.gaussian_filter(noise(160, 130), (3, 3, 0))


@pytest.mark.parametrize(
    ("pixels", "as_in_auto", "another"),
    [(soft_page(), "half", "own"), (noise(160, 130), "own", "half")],
)
def test_soft_pages_are_looked_at_in_half_of_their_size_too(
    tiny_model, pixels, as_in_auto, another
):
    auto, same, other = (
        ink_probability(pixels, tiny_model, replace(WINDOWED, size=choice))
        for choice in ("auto", as_in_auto, another)
    )
    np.testing.assert_array_equal(auto, same)
    assert np.abs(auto - other).max() > 0.01


@pytest.mark.parametrize("size", ["half", "double"])
def test_windows_that_are_looked_at_in_another_size_equal_the_whole_page(tiny_model, size):
    pixels, config = noise(200, 260), replace(WHOLE, size=size)
    windowed = replace(WINDOWED, window=192, size=size)
    whole = ink_probability(pixels, tiny_model, config)
    assert np.abs(whole - ink_probability(pixels, tiny_model, windowed)).max() <= 1 / 255


def test_a_page_of_rows_gives_the_same_as_an_array(tiny_model):
    class Rows:
        def __init__(self, array):
            self.shape, self.dtype, self._array = array.shape, array.dtype, array

        def __getitem__(self, rows):
            return self._array[rows]

    pixels = noise(300, 120)
    out = np.zeros(pixels.shape[:2], np.float32)
    for _ in predict(Rows(pixels), tiny_model, WINDOWED, out):
        pass
    np.testing.assert_array_equal(out, ink_probability(pixels, tiny_model, WINDOWED))


@settings(max_examples=25)
@given(
    size=st.tuples(st.integers(60, 330), st.integers(60, 330)),
    corner=st.tuples(st.integers(0, 320), st.integers(0, 320)),
    extent=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    overlap=st.sampled_from([0.1, 0.6]),
    batch=st.sampled_from([1, 2]),
)
def test_the_part_that_is_looked_at_comes_first_and_changes_nothing(
    tiny_model, size, corner, extent, overlap, batch
):
    pixels, config = noise(*size), replace(WINDOWED, overlap=overlap, batch=batch, symmetries=2)
    first = tuple(
        slice(min(low, side - 1), min(low + length, side))
        for low, length, side in zip(corner, extent, size, strict=True)
    )
    in_order, shown_first = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
    for _ in predict(pixels, tiny_model, config, in_order):
        pass
    times, dones, total = np.zeros(size, int), [], 0
    for report in predict(pixels, tiny_model, config, shown_first, first):
        times[report.rows, report.columns] += 1
        dones.append(report.done)
        total = report.total
    assert (times == 1).all(), "every pixel is written once"
    assert np.array_equal(in_order, shown_first)
    assert dones == sorted(dones)
    assert dones[-1] == total


def test_no_window_elsewhere_is_computed_before_the_part_that_is_looked_at(tiny_model):
    pixels, out = noise(300, 300), np.zeros((300, 300), np.uint8)
    corner = np.s_[260:290, 250:280]
    written = np.zeros(out.shape, bool)
    for report in predict(pixels, tiny_model, WINDOWED, out, corner):
        written[report.rows, report.columns] = True
        if written[corner].all():
            break
    assert report.done < report.total / 3
    assert not written[:150, :150].any()


@pytest.mark.parametrize("shape", [(70, 91), (64, 64)])
def test_a_glance_is_about_what_the_page_will_be(tiny_model, shape):
    pixels, balanced = np.full((*shape, 3), 220, np.uint8), replace(WHOLE, symmetries=2)
    pixels[20:40, 10:50] = 20
    seen = glance(pixels, tiny_model, balanced)
    assert seen.shape == shape
    exact = ink_probability(pixels, tiny_model, balanced)
    assert np.abs(seen[8:60, 8:60] / 255 - exact[8:60, 8:60]).mean() < 0.1
    assert glance(pixels, tiny_model, WHOLE) is None, "a single look is there as soon"
    assert glance(noise(200, 200), tiny_model, replace(WINDOWED, symmetries=2)) is None


def test_an_oblong_page_of_one_window_has_a_glance_too(tiny_model):
    pixels, config = noise(80, 180), InferenceConfig(window=128, symmetries=2)
    (last,) = {step.total for step in predict(pixels, tiny_model, config, np.zeros((80, 180), "f"))}
    assert last == 2, "one window, twice"
    assert glance(pixels, tiny_model, config) is not None
