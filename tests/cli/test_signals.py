"""A batch that is asked to end sums up what it did."""

import re
import signal
import subprocess
import sys
import threading

import pytest

from docbin_napari.cli.console import EndedBySignal, ended_by_signals, stopped_by_signals

PROGRAM = """
import signal, sys, time
# nohup and jobs in the background, under which tests may run, ignore them
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from docbin_napari.cli import main
from docbin_napari.inference import predict as predict_module
from docbin_napari.inference.predict import Progress
from docbin_napari.inference.page_reader import PageReader
from docbin_napari.model import ink_model

class Model:
    threshold = 0.5

def predict(reader, config, out):
    everything = slice(0, out.shape[0]), slice(0, out.shape[1])
    yield Progress(0, 1, slice(0, 0), slice(0, 0))
    time.sleep(0.3)
    out[everything] = 255 - reader.pixels[: out.shape[0], :, 0]
    yield Progress(1, 1, *everything)

ink_model.load_model = lambda *given: Model()
PageReader.of = lambda pixels, model, config, file: PageReader(model, pixels, None)
predict_module.predict_with = predict
sys.exit(main(["binarize", sys.argv[1]]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_a_batch_sums_up_when_it_is_ended(tmp_path, draw_page, name):
    for number in range(60):
        draw_page(tmp_path / f"{number:02}.png")
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, tmp_path],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline().startswith("written:")
        number = getattr(signal, name)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert err.strip() == ("interrupted" if name == "SIGINT" else f"ended by {name}")
    results = list((tmp_path / "auto_bin").iterdir())
    summary = re.fullmatch(r"(\d+) written, 0 skipped, 0 failed", out.splitlines()[-1])
    assert summary
    # What was being written when the signal came is finished, but nobody asks for its event.
    assert 1 <= int(summary[1]) <= len(results) < 60
    assert not [path for path in results if path.name.startswith(".")]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_what_is_ignored_stays_ignored_and_the_rest_is_put_back():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with pytest.raises(EndedBySignal) as ended, ended_by_signals():
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGTERM)
        assert ended.value.number == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("ignored", [False, True])
def test_a_training_stops_in_good_order_when_its_terminal_goes(ignored):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN if ignored else signal.SIG_DFL)
    stop = threading.Event()
    try:
        with stopped_by_signals(stop):
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGHUP)
        assert stop.is_set() != ignored
    finally:
        signal.signal(signal.SIGHUP, before)
