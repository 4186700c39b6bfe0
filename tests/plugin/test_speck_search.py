"""A search beside the window, and a page that is left before it ends."""

from __future__ import annotations

from typing import Any

import pytest

from docbin_napari.plugin.correct import correct_session
from docbin_napari.plugin.correct.correct_session import PAGE, Specks
from docbin_napari.plugin.correct.overlays import SPECKS_NAME

pytestmark = pytest.mark.viewer


class HandWorker:
    """A worker that ends when the test says so."""

    def __init__(self, work: Any, **slots: Any) -> None:
        self._work, self._slots = work, slots

    def end(self) -> None:
        self._slots["returned"](self._work())
        self._slots["finished"]()


@pytest.fixture
def workers(monkeypatch) -> list[HandWorker]:
    """The workers that are started; every area is too large to be searched at once."""
    monkeypatch.setattr(correct_session, "_INLINE_PIXELS", 0)
    return []


@pytest.fixture
def specks(bench, workers) -> Specks:
    """Looks for specks on the page of the bench."""

    def begin(work: Any, **slots: Any) -> HandWorker:
        workers.append(HandWorker(work, **slots))
        return workers[-1]

    bench.draw_two_pieces()
    bench.session.area = PAGE
    specks = Specks(bench.session, bench.overlays, lambda work: work(), begin)
    specks.size = 10
    return specks


def test_the_answer_comes_later(bench, specks, workers) -> None:
    specks.search()
    assert "Looking for specks" in bench.session.status
    specks.search()
    (worker,) = workers
    worker.end()
    assert bench.viewer.layers[SPECKS_NAME].data.sum() == 9
    assert len(workers) == 1, "the answer serves both"


def test_a_page_that_is_left_is_not_answered_for_the_next_one(bench, specks, workers) -> None:
    specks.search()
    first = bench.labels
    bench.labels = bench.session.labels = bench.viewer.add_labels(first.data * 0)
    bench.labels.data[3, 4] = 1
    bench.viewer.layers.remove(first)
    specks.search()
    workers[0].end()
    assert len(workers) == 2
    workers[1].end()
    assert bench.viewer.layers[SPECKS_NAME].data.sum() == 1
    assert "1 specks" in bench.session.status
