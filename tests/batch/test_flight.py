"""The policy of a batch on a cluster, with workers that exist only here."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from queue import SimpleQueue

import pytest

from docbin_napari.batch.answers import (
    Ended,
    GivenUp,
    Refused,
    Started,
    check_versions,
    news_of_error,
)
from docbin_napari.batch.cluster import ClusterError
from docbin_napari.batch.events import FileFailed, FileSkipped, FileStarted, FileWritten
from docbin_napari.batch.flight import FILES_A_THREAD, Flight
from docbin_napari.batch.jobs import Job, OutputConfig
from docbin_napari.batch.orders import Order, SentModel
from docbin_napari.batch.worker import UnfitWorkerError, version_here
from docbin_napari.inference.config import InferenceConfig

MODEL = SentModel("tiny", "0", "cpu", InferenceConfig())


class FakeWorkers:
    """Remembers what it is sent; answers for each file what the test wants."""

    def __init__(self, threads=1, answers=None):
        self.news = SimpleQueue()
        self.sent = []
        self.stopped = None
        self.most = self.open = 0
        self._threads = threads
        self._answers = answers or {}

    def threads(self):
        return self._threads

    def send(self, order, attempt):
        self.sent.append((order.number, attempt))
        self.open += 1
        self.most = max(self.most, self.open)
        written = FileWritten(order.job.source, (order.job.outputs().mask,))
        answer = self._answers.get(order.number, lambda attempt: [written])
        for item in answer(attempt):
            news = item
            if isinstance(item, FileWritten | FileFailed | FileSkipped):
                news = Ended(order.number, attempt, item)
            self.news.put(news)

    def stop(self, running):
        self.stopped = running


def jobs_in(folder, count):
    return [Job(folder / f"{n}.png", folder / "auto_bin", f"{n}") for n in range(1, count + 1)]


def orders_of(jobs):
    config = OutputConfig()
    for number, job in enumerate(jobs, start=1):
        yield Order("run", number, job, MODEL, config, {})


def fly(workers, folder, count=3, say=lambda line: None):
    jobs = jobs_in(folder, count)
    for event in Flight(workers, jobs, say).work(orders_of(jobs)):
        if not isinstance(event, FileStarted):
            workers.open -= 1
        yield event


def test_only_so_many_files_are_on_their_way(tmp_path):
    workers = FakeWorkers(threads=3)
    ends = list(fly(workers, tmp_path, count=50))
    assert [end.source.stem for end in ends] == [str(number) for number in range(1, 51)]
    assert workers.most == 3 * FILES_A_THREAD


def test_workers_that_join_get_work(tmp_path, monkeypatch):
    monkeypatch.setattr("docbin_napari.batch.flight._LOOK_SECONDS", 0)
    workers, said = FakeWorkers(threads=0), []
    ends = fly(workers, tmp_path, count=20, say=said.append)
    next(ends)
    assert said == ["the cluster has no worker now; waiting for one to join"]
    assert workers.most == FILES_A_THREAD
    workers._threads = 4
    assert len(list(ends)) == 19
    assert workers.most == 4 * FILES_A_THREAD


def test_events_are_passed_on_and_orders_taken_lazily(tmp_path):
    jobs = jobs_in(tmp_path, 1)
    skipped = FileSkipped(Path("done.png"))
    events = Flight(FakeWorkers(), jobs, print).work(iter([skipped, *orders_of(jobs)]))
    assert next(events) == skipped
    assert isinstance(next(events), FileWritten)
    assert list(events) == []


def test_the_file_a_worker_died_with_fails_and_those_that_waited_are_sent_again(tmp_path):
    last = "tcp://b"
    answers = {
        1: lambda attempt: [Started(1, "tcp://a"), Started(1, last), GivenUp(1, attempt, last, 2)],
        2: lambda attempt: (
            [GivenUp(2, 1, last, 2)]
            if attempt == 1
            else [FileWritten(tmp_path / "2.png", (tmp_path / "auto_bin" / "2.png",))]
        ),
    }
    workers = FakeWorkers(answers=answers)
    events = list(fly(workers, tmp_path))
    failed, *written = [event for event in events if not isinstance(event, FileStarted)]
    assert isinstance(failed, FileFailed)
    assert failed.source == tmp_path / "1.png"
    assert failed.reason.startswith("2 workers died while they worked on it, the last one was")
    assert {event.source.stem for event in written} == {"2", "3"}
    assert all(isinstance(event, FileWritten) for event in written)
    assert sorted(workers.sent) == [(1, 1), (2, 1), (2, 2), (3, 1)]


def test_a_file_that_is_given_up_again_and_again_fails(tmp_path):
    """Its worker died before it could tell that it had begun."""
    workers = FakeWorkers(answers={1: lambda attempt: [GivenUp(1, attempt, "tcp://a", 4)]})
    (failed,) = fly(workers, tmp_path, count=1)
    assert isinstance(failed, FileFailed)
    assert workers.sent == [(1, 1), (1, 2), (1, 3)]


def test_old_news_is_not_counted_twice(tmp_path):
    written = FileWritten(tmp_path / "1.png", ())
    answers = {1: lambda attempt: [written, written, Started(1, "tcp://late")]}
    events = list(fly(FakeWorkers(answers=answers), tmp_path, count=2))
    assert [event.source.stem for event in events] == ["1", "2"]


def test_a_result_whose_answer_was_lost_counts_as_written(tmp_path):
    """The second worker finds the mask of the first, and skips the file."""
    (tmp_path / "auto_bin").mkdir()
    (tmp_path / "auto_bin" / "1.png").touch()
    answers = {
        number: lambda attempt, path=tmp_path / f"{number}.png": [FileSkipped(path)]
        for number in (1, 2)
    }
    first, second = fly(FakeWorkers(answers=answers), tmp_path, count=2)
    assert first == FileWritten(tmp_path / "1.png", (tmp_path / "auto_bin" / "1.png",))
    assert second == FileSkipped(tmp_path / "2.png")


def test_files_are_named_as_the_user_did(tmp_path):
    job = Job(Path("in/a.png"), Path("out"), "a")
    sent = Job(tmp_path / "in/a.png", tmp_path / "out", "a")
    order = Order("run", 1, sent, MODEL, OutputConfig(), {})
    (written,) = Flight(FakeWorkers(), [job], print).work(iter([order]))
    assert written == FileWritten(Path("in/a.png"), (Path("out/a.png"),))


def test_what_no_worker_can_do_ends_the_batch(tmp_path):
    workers = FakeWorkers(
        answers={1: lambda attempt: [Started(1, "tcp://a"), Refused("worker tcp://a is unfit")]}
    )
    with pytest.raises(ClusterError, match="worker tcp://a is unfit"):
        list(fly(workers, tmp_path))
    assert workers.stopped == {1}


def test_closing_stops_what_is_worked_on_and_clears_up(tmp_path):
    half = tmp_path / "auto_bin" / ".1-0123456789ab.png"
    half.parent.mkdir()
    half.touch()
    workers = FakeWorkers(answers={n: lambda attempt, n=n: [Started(n, "tcp://a")] for n in (1, 2)})
    with closing(fly(workers, tmp_path)) as events:
        assert isinstance(next(events), FileStarted)
    assert workers.stopped == {1}
    assert not half.exists()


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (UnfitWorkerError("worker tcp://a has no disk"), Refused, "worker tcp://a has no disk"),
        (ModuleNotFoundError("No module named 'docbin_napari'"), Refused, "has no docbin-napari"),
        (RuntimeError("Error during deserialization\nof the task"), Refused, "install this vers"),
        (ImportError("libGL.so.1"), Ended, "unexpected error on a worker (ImportError: libGL"),
        (ValueError("two\nlines"), Ended, "unexpected error on a worker (ValueError: two lines)"),
    ],
)
def test_errors_of_workers_become_news(tmp_path, error, kind, words):
    (order,) = orders_of(jobs_in(tmp_path, 1))
    news = news_of_error(order, 1, error)
    assert isinstance(news, kind)
    assert words in (news.reason if isinstance(news, Refused) else news.end.reason)


def test_workers_of_the_same_version_are_fit():
    answers = {
        "tcp://a": version_here(),
        "tcp://gone": OSError("closed"),
        "tcp://b": version_here(),
    }
    assert check_versions(answers) == {"tcp://a", "tcp://b"}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("0.0.1", "docbin-napari is 0.0.1 on the worker tcp://a"),
        (ModuleNotFoundError("No module named 'docbin_napari'"), "is not installed"),
        (AttributeError("no version_here"), "or of another version .no version_here"),
        # Dask wraps what its worker cannot read.
        (Exception("ModuleNotFoundError(...)"), "is not installed, or of another"),
    ],
)
def test_a_worker_of_another_version_ends_the_batch(answer, words):
    with pytest.raises(ClusterError, match=words):
        check_versions({"tcp://a": answer})
