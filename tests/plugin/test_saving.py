"""From layers to the two files of a pair, without a window."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from docbin_napari.io.mask import read_ground_truth
from docbin_napari.pairs.pair import find_pairs, read_pair
from docbin_napari.pairs.provenance import read_provenance
from docbin_napari.pairs.save import PairPlace, Saved
from docbin_napari.plugin.layers.page_record import (
    AS_SAVED,
    Subject,
    note_pair,
    own_pair,
    provenance,
    reviewed_of,
    take_reviewed,
)
from docbin_napari.plugin.reader import read_training_folder
from docbin_napari.plugin.saving import page_saving as saving
from docbin_napari.plugin.saving.autosave import checksum_of
from docbin_napari.plugin.saving.page_saving import SaveOrder, prepare, save
from docbin_napari.plugin.threads import Failed

if TYPE_CHECKING:
    from napari.components import ViewerModel

pytestmark = pytest.mark.viewer


@pytest.fixture
def subject(viewer, one_stroke) -> Subject:
    """A page with a corner that nobody labelled."""
    image = viewer.add_image(
        one_stroke.pixels, rgb=True, metadata={"source": "book.pdf", "page": 7, "dpi": (300, 300)}
    )
    labels = viewer.add_labels(one_stroke.ink.astype(np.uint8), metadata={"model": "general-1"})
    labels.data[:4, :4] = 2
    return Subject(image, labels, 0)


@pytest.fixture
def place(tmp_path) -> PairPlace:
    return PairPlace(tmp_path, "train", "letters", "page")


def saved(subject: Subject, order: SaveOrder) -> Any:
    return save(prepare(subject, order))


def test_a_pair_with_all_that_is_known_of_it(subject, place, one_stroke) -> None:
    reviewed_of(subject.labels, 0).mark(slice(0, 48), slice(0, 64))
    event = saved(subject, SaveOrder(place, who=" Inês "))
    assert isinstance(event, Saved)
    pixels, truth = read_pair(find_pairs(place.folder)[0])
    assert np.array_equal(pixels, one_stroke.pixels)
    assert np.array_equal(truth.ink, one_stroke.ink)
    assert not truth.labelled[:4, :4].any()
    assert truth.labelled.sum() == truth.ink.size - 16
    origin = read_provenance(event.pair.ground_truth)
    assert (origin.source, origin.page, origin.who) == ("book.pdf", 7, "Inês")
    assert (origin.model, origin.region, origin.reviewed) == ("general-1", "whole page", 1.0)
    assert len(origin.model_hash) == 64
    assert origin.reviewed_windows == reviewed_of(subject.labels, 0).to_bytes()


def test_the_resolution_is_that_of_the_file(viewer, place, tmp_path, one_stroke) -> None:
    scan = tmp_path / "letter.png"
    Image.fromarray(one_stroke.pixels).save(scan, dpi=(300, 300))
    image = viewer.add_image(one_stroke.pixels, rgb=True, metadata={"source": str(scan)})
    labels = viewer.add_labels(one_stroke.ink.astype(np.uint8))
    event = saved(Subject(image, labels, 0), SaveOrder(place))
    for file in (event.pair.page, event.pair.ground_truth):
        with Image.open(file) as page:
            assert page.info["dpi"] == pytest.approx((300, 300), abs=0.05)


def test_only_a_region_is_labelled(subject, place, one_stroke) -> None:
    region = np.zeros((48, 64), bool)
    region[:20, :20] = True
    event = saved(subject, SaveOrder(place, region=region, region_words="a corner"))
    truth = read_ground_truth(event.pair.ground_truth)
    assert truth.labelled.sum() == 400 - 16
    assert np.array_equal(truth.ink, one_stroke.ink & region)
    assert read_provenance(event.pair.ground_truth).region == "a corner"


def test_painting_goes_on_while_a_page_is_saved(subject, place, one_stroke) -> None:
    job = prepare(subject, SaveOrder(place))
    subject.labels.data[:] = 0
    event = save(job)
    assert np.array_equal(read_ground_truth(event.pair.ground_truth).ink, one_stroke.ink)


@pytest.mark.parametrize("value", [3, -1])
def test_labels_that_are_no_ink_are_refused(viewer, one_stroke, place, value) -> None:
    image = viewer.add_image(one_stroke.pixels, rgb=True)
    labels = viewer.add_labels(np.zeros((48, 64), np.int32))
    labels.data[0, 0] = value
    event = saved(Subject(image, labels, 0), SaveOrder(place))
    assert isinstance(event, Failed)
    assert "0 background, 1 ink, 2 unlabelled" in event.message
    assert not place.folder.exists()


def test_nothing_labelled_is_refused(subject, place) -> None:
    subject.labels.data[:] = 2
    event = saved(subject, SaveOrder(place))
    assert isinstance(event, Failed)
    assert "No pixel is labelled" in event.message


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("torch"), OSError(28, "full")])
def test_whatever_goes_wrong_is_told(subject, place, monkeypatch, error) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(saving, "save_pair", fail)
    event = saved(subject, SaveOrder(place))
    assert isinstance(event, Failed)
    assert event.message.startswith("Not saved: ")


def open_again(viewer: ViewerModel, folder: Path) -> Subject:
    from napari.layers import Layer

    layers = [Layer.create(*data) for data in read_training_folder(folder)]
    for layer in layers:
        viewer.add_layer(layer)
    return Subject(layers[0], layers[1], 0)


@pytest.mark.parametrize("count", [1, 2])
def test_a_pair_is_opened_again_and_goes_on(viewer, subject, place, count) -> None:
    """Alone, and as a page of a stack."""
    reviewed_of(subject.labels, 0).mark(slice(0, 48), slice(0, 64))
    written = [saved(subject, SaveOrder(place)) for _ in range(count)]
    first = written[-1]
    # In natural order page-2 comes before page.
    again = open_again(viewer, place.folder)
    assert own_pair(again) == first.pair
    assert reviewed_of(again.labels, 0).share == 0
    take_reviewed(again)
    assert reviewed_of(again.labels, 0).share == 1
    looked = reviewed_of(again.labels, 0).to_bytes()
    assert again.noted(AS_SAVED) == checksum_of(again.plane(), looked)
    reviewed_of(again.labels, 0).grid[:] = False
    take_reviewed(again)
    assert reviewed_of(again.labels, 0).share == 0, "once"
    reviewed_of(again.labels, 0).grid[:] = True
    again.plane()[0, 0] = 1
    event = saved(again, SaveOrder(place, own=own_pair(again)))
    assert event.kept is not None
    assert read_ground_truth(first.pair.ground_truth).ink[0, 0]
    origin = read_provenance(first.pair.ground_truth)
    assert (origin.source, origin.page, origin.model) == ("book.pdf", 7, "general-1")
    assert len(find_pairs(place.folder)) == count


def test_a_page_is_saved_again_after_its_contrast_was_moved(viewer, place, one_stroke) -> None:
    gray = one_stroke.pixels[..., 0].astype(np.uint16) * 100
    image = viewer.add_image(gray, contrast_limits=(5000, 20000))
    subject = Subject(image, viewer.add_labels(one_stroke.ink.astype(np.uint8)), 0)
    first = saved(subject, SaveOrder(place))
    page = first.pair.page.read_bytes()
    image.contrast_limits = (1000, 24000)
    subject.plane()[0, 0] = 1
    again = saved(subject, SaveOrder(place, own=first.pair))
    assert again.outcome == "replaced"
    assert read_ground_truth(first.pair.ground_truth).ink[0, 0]
    assert first.pair.page.read_bytes() == page
    image.data = gray[::-1].copy()
    assert isinstance(saved(subject, SaveOrder(place, own=first.pair)), Failed), "another page"


@pytest.mark.parametrize(
    ("path", "source"),
    [("page.png", str(Path.cwd() / "page.png")), ("https://a.b/p.png", "https://a.b/p.png")],
)
def test_a_page_that_was_opened_by_a_relative_path_is_known_by_its_whole_one(
    viewer, one_stroke, path, source
) -> None:
    from napari.layers._source import layer_source

    with layer_source(path=path):
        image = viewer.add_image(one_stroke.pixels, rgb=True)
    assert provenance(image)["source"] == source


def test_a_saved_page_knows_its_pair(subject, place) -> None:
    assert own_pair(subject) is None
    event = saved(subject, SaveOrder(place))
    note_pair(subject, event.pair, 5)
    assert own_pair(subject) == event.pair
    assert subject.noted(AS_SAVED) == 5
    event.pair.ground_truth.unlink()
    assert own_pair(subject) is None
