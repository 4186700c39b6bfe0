"""Ctrl+S, a name, Enter: saving as people save, with the keys of the X server."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.window,
    pytest.mark.skipif(
        sys.platform != "linux" or shutil.which("xdotool") is None, reason="xdotool presses keys"
    ),
]
# The dialog runs a loop of its own, so the hand is another process.
HAND = """
for round in $(seq 100); do
    dialog=$(xdotool search --onlyvisible --name "Save selected layers") && break
    xdotool windowfocus "$1"; xdotool key ctrl+s
    sleep 0.5
done
sleep 0.5
xdotool windowfocus "$dialog"; sleep 0.3
xdotool key ctrl+a; xdotool type --delay 20 "$2"; sleep 0.3
xdotool key Return
"""


@pytest.mark.parametrize(
    ("typed", "file"), [("page.png", "page.png"), ("page", "page.png"), ("page.tif", "page.tif")]
)
def test_a_name_and_enter_give_a_page(
    bench: Any, one_stroke: Any, tmp_path: Path, typed: str, file: str
) -> None:
    from qtpy.QtTest import QTest

    image = bench.viewer.add_image(one_stroke.pixels, rgb=True, name="letter")
    image.metadata["dpi"] = (300.0, 300.0)
    bench.run_to_the_end()
    bench.settle()
    assert bench.viewer.layers.selection.active.name == "Ink of letter"
    window = bench.viewer.window._qt_window
    window.activateWindow()
    QTest.qWait(300)
    command = ["bash", "-c", HAND, "hand", str(int(window.winId())), str(tmp_path / typed)]
    hand = subprocess.Popen(command)
    end = time.monotonic() + 60
    while hand.poll() is None or not (tmp_path / file).exists():
        assert time.monotonic() < end, bench.errors
        QTest.qWait(50)
    QTest.qWait(200)
    assert bench.errors == []
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [file]
    with Image.open(tmp_path / file) as page:
        assert page.mode == "1"
        assert np.array_equal(~np.asarray(page), one_stroke.ink)
        assert page.info["dpi"] == pytest.approx((300, 300), abs=0.05)
