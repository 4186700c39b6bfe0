"""Pages and rules that all tests share."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import hypothesis
import numpy as np
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
PAPER, FAINT_INK, INK = 235, 200, 20

hypothesis.settings.register_profile("local", deadline=None, max_examples=25)
hypothesis.settings.register_profile(
    "ci", deadline=None, max_examples=50, derandomize=True, database=None, print_blob=True
)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@dataclass(frozen=True, eq=False)
class NamedPage:
    """A page so small that its right answer is seen by eye.

    Parameters
    ----------
    pixels : numpy.ndarray
        RGB page, uint8, shape (H, W, 3).
    ink : numpy.ndarray
        Its ground truth, bool, shape (H, W); True is ink.
    """

    pixels: np.ndarray
    ink: np.ndarray


def draw(ink: np.ndarray, level: int) -> NamedPage:
    """Paint ink of one gray level on plain paper."""
    gray = np.where(ink, level, PAPER).astype(np.uint8)
    return NamedPage(np.repeat(gray[..., np.newaxis], 3, axis=2), ink)


def stroke() -> np.ndarray:
    """One pen stroke, 4 rows x 32 columns, off the centre of 48 rows x 64 columns."""
    ink = np.zeros((48, 64), dtype=bool)
    ink[14:18, 10:42] = True
    return ink


@pytest.fixture
def one_stroke() -> NamedPage:
    """One dark stroke on plain paper."""
    return draw(stroke(), INK)


@pytest.fixture
def faint_stroke() -> NamedPage:
    """The same stroke, hardly darker than the paper."""
    return draw(stroke(), FAINT_INK)


@pytest.fixture
def no_ink() -> NamedPage:
    """Plain paper."""
    return draw(np.zeros((48, 64), dtype=bool), INK)


@pytest.fixture(scope="session")
def tiny_model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file with a tiny network and random weights, always the same."""
    torch = pytest.importorskip("torch")
    from docbin_napari.model.unet import UNet, UNetConfig
    from docbin_napari.model.weights import save_model

    torch.manual_seed(1)
    network = UNet(UNetConfig(fold=2, channels=(8, 8)))
    header = {"threshold": 0.4, "calibration": {"temperature": 1.5, "bias": -0.1}}
    path = tmp_path_factory.mktemp("models") / "tiny.safetensors"
    save_model(path, network, {**header, "title": "Random numbers", "training_data": "nothing"})
    return path


class Windows(NamedTuple):
    """What a prediction yields, without torch."""

    done: int
    total: int
    rows: slice
    columns: slice


class FakeEngine:
    """Computes pages without a network: the darker a pixel, the more it is ink.

    Windows of 16 x 16 pixels, one a batch. `before` is called in the worker with the
    number of each window, from 1; it may wait or raise.
    """

    device = "cpu, float32 (made up)"

    def __init__(self) -> None:
        self.before: Callable[[int], None] = lambda number: None
        self.calls: list[tuple[tuple[int, ...], object]] = []

    def load(self, model: str, device: str) -> FakeEngine:
        """Stand in for load_engine."""
        return self

    def predict(self, pixels: np.ndarray, config: object, out: np.ndarray) -> Iterator[Windows]:
        """Fill `out` window by window."""
        self.calls.append((pixels.shape, config))
        corners = [(y, x) for y in range(0, out.shape[0], 16) for x in range(0, out.shape[1], 16)]
        yield Windows(0, len(corners), slice(0, 0), slice(0, 0))
        for number, (top, left) in enumerate(corners, start=1):
            self.before(number)
            rows = slice(top, min(top + 16, out.shape[0]))
            columns = slice(left, min(left + 16, out.shape[1]))
            out[rows, columns] = 255 - pixels[rows][:, columns].min(axis=2)
            yield Windows(number, len(corners), rows, columns)


@pytest.fixture
def fake_engine() -> FakeEngine:
    """An engine for the plugin that needs no torch and no weights."""
    return FakeEngine()


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder that holds pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def shared_pages() -> Path:
    """Real pages with ground truth, which may lie beside a checkout but never in it."""
    folder = ROOT.parent / "shared" / "pages"
    if not folder.is_dir():
        pytest.skip("the real pages are not beside this checkout (../shared/pages)")
    return folder


def no_window_because() -> str:
    """Why no real window can open here; empty where one can."""
    if os.environ.get("QT_QPA_PLATFORM") in ("offscreen", "minimal"):
        return "QT_QPA_PLATFORM asks for a platform without OpenGL"
    if sys.platform == "linux" and not os.environ.get("DISPLAY"):
        return "there is no display; scripts/test brings one (Xvfb)"
    return ""


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip window tests where no window can open."""
    reason = no_window_because()
    if reason and item.get_closest_marker("window"):
        pytest.skip(reason)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):
    """Fail a window test that skips although DOCBIN_REQUIRE_WINDOW says that windows must open."""
    report = yield
    required = os.environ.get("DOCBIN_REQUIRE_WINDOW", "0") not in ("", "0")
    if report.skipped and required and item.get_closest_marker("window"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} skipped, but a window is required: {report.longrepr}"
    return report


@pytest.fixture
def ramp() -> NDArray[np.uint8]:
    """RGB page of 30 rows and 47 columns: red grows to the right, green downwards."""
    y, x = np.mgrid[:30, :47]
    return np.stack([x * 5, y * 8, (x + y) * 3], axis=-1).astype(np.uint8)
