"""Image layers of every kind become the right page, and labels lie exactly over it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from docbin_napari.io.rgb import to_rgb
from docbin_napari.plugin.layers.page_source import (
    PageSource,
    current_page,
    label_style,
    page_source,
    placement,
    refusal,
)

napari_layers = pytest.importorskip("napari.layers")
Image, Labels = napari_layers.Image, napari_layers.Labels
pytestmark = pytest.mark.viewer

GRAY = np.array([[0, 100, 255], [10, 20, 30]], np.uint8)
COLOUR = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def gray(page: np.ndarray) -> np.ndarray:
    """The one channel of a page whose channels are equal."""
    assert (page == page[..., :1]).all()
    return page[..., 0]


def test_eight_bit_gray_is_used_as_it_is_whatever_the_contrast_limits() -> None:
    layer = Image(GRAY, contrast_limits=(50, 60))
    assert np.array_equal(gray(page_source(layer).read(0)[:]), GRAY)


def test_colour_is_used_as_it_is() -> None:
    assert np.array_equal(page_source(Image(COLOUR, rgb=True)).read(0)[:], COLOUR)


def test_alpha_is_blended_over_white() -> None:
    page = np.zeros((1, 2, 4), np.uint8)
    page[0, 0, 3] = 255
    assert page_source(Image(page, rgb=True)).read(0)[:][0].tolist() == [[0, 0, 0], [255, 255, 255]]


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32, np.float64])
def test_other_gray_is_cut_at_the_contrast_limits(dtype: Any) -> None:
    layer = Image(np.array([[0, 100, 180, 300]], dtype), contrast_limits=(100, 300))
    assert gray(page_source(layer).read(0)[:]).tolist() == [[0, 0, 102, 255]]


def test_stored_pages_do_not_depend_on_the_contrast_limits() -> None:
    page = np.arange(0, 60_000, 10, np.uint16).reshape(60, 100)
    shown = [Image(page, contrast_limits=limits) for limits in ((0, 65_535), (500, 9_000))]
    assert not np.array_equal(*(page_source(one).read(0)[:] for one in shown))
    stored = [page_source(one).stored.read(0)[:] for one in shown]
    assert np.array_equal(*stored)
    assert np.array_equal(stored[0], to_rgb(page)), "as the file itself is read"


def test_float_colour_is_cut_at_zero_and_one() -> None:
    layer = Image(np.array([[[0.0, 0.5, 1.0], [0.2, 0.2, 0.2]]]), rgb=True)
    assert page_source(layer).read(0)[:][0].tolist() == [[0, 128, 255], [51, 51, 51]]


def test_bool_pages_are_black_and_white() -> None:
    assert gray(page_source(Image(np.eye(2, dtype=bool))).read(0)[:]).tolist() == [
        [255, 0],
        [0, 255],
    ]


@pytest.mark.parametrize("colour", [False, True])
def test_a_stack_gives_its_pages(colour: bool) -> None:
    page = COLOUR if colour else GRAY
    source = page_source(Image(np.stack([page, page + 1, page + 2]), rgb=colour))
    assert (source.is_stack, source.count, source.shape) == (True, 3, (3, 2, 3))
    expected = (page + 2) if colour else np.repeat((page + 2)[..., np.newaxis], 3, axis=2)
    assert np.array_equal(source.read(2)[:], expected)


def test_a_single_page_is_no_stack() -> None:
    source = page_source(Image(COLOUR, rgb=True))
    assert (source.is_stack, source.count, source.shape) == (False, 1, (2, 3))


def test_a_multiscale_layer_gives_its_full_resolution() -> None:
    large = np.arange(64 * 64, dtype=np.uint8).reshape(64, 64)
    layer = Image([large, large[::2, ::2]], multiscale=True)
    assert np.array_equal(gray(page_source(layer).read(0)[:]), large)
    assert refusal(layer) == ""


def test_only_the_wanted_page_of_a_lazy_stack_is_computed_and_only_once() -> None:
    da = pytest.importorskip("dask.array")
    delayed = pytest.importorskip("dask").delayed
    computed = []

    def load(number: int) -> np.ndarray:
        computed.append(number)
        return GRAY + number

    stack = da.stack([da.from_delayed(delayed(load)(n), GRAY.shape, GRAY.dtype) for n in range(4)])
    layer = Image(stack, contrast_limits=(0, 255))
    computed.clear()
    page = page_source(layer).read(2)
    halves = [gray(page[: len(GRAY) // 2]), gray(page[len(GRAY) // 2 :])]
    assert np.array_equal(np.concatenate(halves), GRAY + 2)
    assert computed == [2]


@pytest.mark.parametrize("kind", ["dask", "zarr"])
def test_a_page_in_chunks_is_computed_as_far_as_it_is_read(kind) -> None:
    page = np.random.default_rng(2).integers(0, 256, (40, 30), np.uint8)
    decoded = []

    class Chunked:
        """As dask and zarr: chunks are stored whole."""

        ndim, shape, dtype = 2, page.shape, page.dtype
        chunks = ((16, 16, 8), (30,)) if kind == "dask" else (16, 10)

        def __getitem__(self, rows):
            decoded.append((rows.start, rows.stop))
            return page[rows]

    rows = PageSource(Chunked(), rgb=False, limits=None).read(0)
    assert np.array_equal(gray(rows[:12]), page[:12])
    assert decoded == [(0, 16)]
    assert np.array_equal(gray(rows[10:20]), page[10:20])
    assert np.array_equal(gray(rows[30:]), page[30:])
    assert decoded == [(0, 16), (16, 32), (32, 48)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (np.zeros((2, 3, 4, 5)), "4 dimensions"),
        (np.zeros((4, 5), complex), "complex128"),
        (np.zeros((0, 5)), "empty"),
        (np.zeros((3, 0, 5)), "empty"),
    ],
)
def test_a_layer_that_is_no_page_is_refused_with_the_reason(data: Any, reason: str) -> None:
    # A bare stand-in: napari warns about some of these itself before anybody can choose them.
    layer = SimpleNamespace(name="cells", data=data, multiscale=False, rgb=False, ndim=data.ndim)
    assert reason in refusal(layer)
    assert "cells" in refusal(layer)


def test_no_layer_is_refused_with_what_to_do() -> None:
    assert "Open a page" in refusal(None)


@pytest.mark.parametrize(
    "data", [GRAY, GRAY.astype(bool), GRAY.astype(np.float16), np.zeros((3, 2, 3))]
)
def test_pages_and_stacks_are_not_refused(data: Any) -> None:
    assert refusal(Image(data, rgb=False)) == ""


@pytest.mark.parametrize("ndim", [2, 3])
def test_labels_lie_exactly_over_the_image(ndim: int) -> None:
    rotation = 30 if ndim == 2 else (0, 0, 30)
    image = Image(
        np.zeros((4, 5, 6)[-ndim:]),
        rgb=False,
        scale=(2, 0.5, 0.25)[-ndim:],
        translate=(7, 10, -3)[-ndim:],
        rotate=rotation,
        shear=[0.1] if ndim == 2 else [0.1, 0, 0.2],
        affine=np.diag([1, 3, 2, 1][-ndim - 1 :]),
    )
    labels = Labels(np.zeros(image.data.shape, np.uint8), **placement(image))
    for corner in (np.zeros(ndim), np.array(image.data.shape)):
        assert np.allclose(labels.data_to_world(corner), image.data_to_world(corner))


def test_the_current_page_is_the_one_that_is_shown_also_when_pages_are_scaled_and_moved() -> None:
    from napari.components import ViewerModel

    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros((5, 4, 4)), rgb=False, scale=(3, 1, 1), translate=(30, 0, 0))
    for page in range(5):
        viewer.dims.set_point(0, 30 + 3 * page)
        assert current_page(layer, viewer.dims.point) == page
    assert current_page(layer, (0, 0, 0)) == 0
    assert current_page(layer, (999, 0, 0)) == 4
    assert current_page(viewer.add_image(GRAY), viewer.dims.point) == 0


def test_ink_is_seen_and_background_is_not() -> None:
    layer = Labels(np.array([[0, 1, 2]], np.uint8), **label_style())
    alpha = layer.colormap.map(np.array([0, 1, 2], np.uint8))[:, 3]
    assert alpha.tolist() == [0, 1, 1]
    assert 0.5 <= layer.opacity <= 0.8
