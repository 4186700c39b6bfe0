"""Run a batch on this machine; a file that fails does not stop the others.

Strategy: the network is never idle for a file. In threads of their own, the next files are opened
and their first pages decoded while it runs, and the last results encoded. Decoders and encoders
let go of Python's lock, and so does the network.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cache

from docbin_napari.batch.batch_model import BatchModel
from docbin_napari.batch.events import Event, FileEnd, FileStarted
from docbin_napari.batch.jobs import Job, OutputConfig
from docbin_napari.batch.one_file import FileBinarizer
from docbin_napari.inference.ahead import iterate_ahead, map_ahead, threads


def binarize_files(jobs: Sequence[Job], model: BatchModel, config: OutputConfig) -> Iterator[Event]:
    """Binarize the pages of many files.

    Parameters
    ----------
    jobs : sequence of Job
        From `plan_jobs`.
    model : BatchModel
        The network and how it is used.
    config : OutputConfig
        The one that the jobs were planned with.

    Yields
    ------
    FileStarted, PageProgress, FileWritten, FileSkipped, FileFailed
        For each file one of the last three at its end.

    Raises
    ------
    ModelError, DeviceError
        If the model cannot be loaded: then no page could be computed.

    Notes
    -----
    The probability is kept in 256 steps, and thresholded so: a mask is exactly what thresholding
    the written probability gives. While the network is at one file, the next is decoded and the
    last encoded, so that a file may end after the next one has started.
    """
    binarizer = FileBinarizer(replace(model, load=cache(model.load)), config)
    count = max(1, (os.cpu_count() or 1) // 4)
    with (
        threads(count) as readers,
        threads(1) as page_reader,
        ThreadPoolExecutor(count) as writer,
    ):
        being_written: deque[Future[FileEnd]] = deque()
        files = map_ahead(binarizer.open, jobs, readers, count)
        for number, file in enumerate(files, start=1):
            yield FileStarted(file.job.source, number, len(jobs))
            file.pages = iterate_ahead(file.pages, page_reader)
            being_written.append((yield from binarizer.compute(file, writer)))
            while being_written and (being_written[0].done() or len(being_written) > count):
                yield being_written.popleft().result()
        while being_written:
            yield being_written.popleft().result()
