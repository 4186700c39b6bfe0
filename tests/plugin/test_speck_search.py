"""A search beside the window, and a page that is left before it ends."""

from __future__ import annotations

from typing import Any

import pytest

from docbin_napari.plugin.correct import specks as speck_search
from docbin_napari.plugin.correct.correct_session import PAGE
from docbin_napari.plugin.correct.overlays import SPECKS_NAME
from docbin_napari.plugin.correct.specks import Specks, SpeckSearch

pytestmark = pytest.mark.viewer


class HandWorker:
    """A worker that ends when the test says so."""

    def __init__(self, work: Any, **_: Any) -> None:
        psygnal = pytest.importorskip("psygnal")
        self._work = work
        self.returned, self.errored = (psygnal.SignalInstance((object,)) for _ in range(2))
        self.finished = psygnal.SignalInstance()

    def start(self) -> None:
        pass

    def end(self) -> None:
        self.returned.emit(self._work())
        self.finished.emit()


@pytest.fixture
def workers(monkeypatch) -> list[HandWorker]:
    """The workers that were started; every area is too large to be searched at once."""
    made: list[HandWorker] = []

    def create(work: Any, **options: Any) -> HandWorker:
        made.append(HandWorker(work, **options))
        return made[-1]

    monkeypatch.setattr(speck_search, "create_worker", create)
    monkeypatch.setattr(speck_search, "_INLINE_PIXELS", 0)
    return made


@pytest.fixture
def search(bench) -> SpeckSearch:
    """Looks for specks on the page of the bench."""
    bench.draw_two_pieces()
    bench.session.area = PAGE
    specks = Specks(bench.session, bench.overlays)
    specks.size = 10
    return SpeckSearch(bench.session, specks, lambda work: work())


def test_the_answer_comes_later(bench, search, workers) -> None:
    search.start()
    assert "Looking for specks" in bench.session.status
    search.start()
    (worker,) = workers
    worker.end()
    assert bench.viewer.layers[SPECKS_NAME].data.sum() == 9
    assert len(workers) == 1, "the answer serves both"


def test_a_page_that_is_left_is_not_answered_for_the_next_one(bench, search, workers) -> None:
    search.start()
    first = bench.labels
    bench.labels = bench.session.labels = bench.viewer.add_labels(first.data * 0)
    bench.labels.data[3, 4] = 1
    bench.viewer.layers.remove(first)
    search.start()
    workers[0].end()
    assert len(workers) == 2
    workers[1].end()
    assert bench.viewer.layers[SPECKS_NAME].data.sum() == 1
    assert "1 specks" in bench.session.status
