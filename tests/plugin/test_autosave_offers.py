"""What a session that ended badly has left is offered, taken or discarded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docbin_napari.io.errors import DraftError
from docbin_napari.pairs.drafts import read_draft
from docbin_napari.plugin.layers.page_record import Subject
from docbin_napari.plugin.saving.autosave import Autosave

pytestmark = pytest.mark.viewer


def page_of(viewer: Any, pixels: np.ndarray, **metadata: Any) -> Subject:
    """A page with labels that a user made."""
    image = viewer.add_image(pixels, rgb=True, metadata={"source": "letter.png"} | metadata)
    return Subject(image, viewer.add_labels(np.zeros(pixels.shape[:2], np.uint8)), 0)


def drafts(tmp_path: Path) -> list[Path]:
    return sorted(tmp_path.rglob("*.draft"))


EDITS = """
import os, sys, time
from pathlib import Path
import numpy as np
from napari.components import ViewerModel
from docbin_napari.plugin.saving.autosave import Autosave
from docbin_napari.plugin.layers.page_record import reviewed_of
from docbin_napari.plugin.layers.page_record import Subject
folder = Path(sys.argv[1])
viewer = ViewerModel()
image = viewer.add_image(np.load(folder / "page.npy"), rgb=True, name="any name",
                         metadata={"source": str(folder / "page.tif")})
labels = viewer.add_labels(np.zeros(image.data.shape[:2], np.uint8))
keeper = Autosave(lambda: folder)
keeper.watch(Subject(image, labels, 0))
labels.brush_size = 7
for step in range(10):
    labels.paint((5 + step * 4, 10 + step * 5), 1 + step % 2)
reviewed_of(labels, 0).mark(slice(0, 48), slice(0, 64))
end = time.monotonic() + 30
while not keeper.status and time.monotonic() < end:
    keeper.tick()
    time.sleep(0.05)
np.save(folder / "expected.npy", labels.data)
labels.paint((40, 5), 1)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_killed_session_loses_nothing_up_to_the_last_draft(
    viewer, tmp_path, one_stroke, monkeypatch
) -> None:
    np.save(tmp_path / "page.npy", one_stroke.pixels)
    child = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", EDITS, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(20)
        child.stdout.close()
    keeper = Autosave(lambda: tmp_path)
    subject = page_of(viewer, one_stroke.pixels, source=str(tmp_path / "page.tif"))
    keeper.watch(subject)
    keeper.flush()
    assert keeper.offer is not None
    # Somebody paints before the offer is taken: both are kept.
    subject.labels.data[0, 0] = 1
    keeper.flush()
    assert len(drafts(tmp_path)) == 2
    draft = keeper.restore()
    expected = np.load(tmp_path / "expected.npy")
    assert expected.any()
    assert np.array_equal(draft.labels, expected)
    subject.plane()[:] = draft.labels
    keeper.flush()
    (left,) = drafts(tmp_path)
    assert np.array_equal(read_draft(left).labels, expected)
    keeper.close()


def test_discarding_is_final_and_a_damaged_draft_is_told(
    viewer, tmp_path, one_stroke, monkeypatch
) -> None:
    from docbin_napari.pairs import drafts as stored

    monkeypatch.setenv("DOCBIN_DRAFTS", str(tmp_path))
    subject = page_of(viewer, one_stroke.pixels)
    key = stored.PageKey(stored.content_of(one_stroke.pixels), str(Path("letter.png").resolve()), 1)
    sizes = {"a": (48, 64), "b": (48, 64), "c": (3, 3)}
    for number, (session, size) in enumerate(sizes.items()):
        path = stored.write_draft(tmp_path, key, stored.Draft(np.ones(size, np.uint8)), session)
        os.utime(path, (100 - number, 100 - number))
    keeper = Autosave(lambda: None)
    keeper.watch(subject)
    keeper.flush()
    assert keeper.offer.stem.endswith("-a")
    keeper.discard()
    keeper.offer.write_bytes(b"")
    with pytest.raises(DraftError, match="damaged"):
        keeper.restore()
    with pytest.raises(DraftError, match="another size"):
        keeper.restore()
    assert keeper.offer is None
    assert [path.stem[-1] for path in drafts(tmp_path)] == ["b", "c"]
    keeper.close()
