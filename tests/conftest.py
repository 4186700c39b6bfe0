"""Pages and rules that all tests share."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import hypothesis
import numpy as np
import pytest

from docbin_napari.pairs.pair import write_pair

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
    from docbin_napari.model.ink_model import save_model
    from docbin_napari.model.unet import UNet, UNetConfig

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


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bind no network to a page; which way round it is read is decided as ever."""
    from docbin_napari.features.survey import PageSurvey
    from docbin_napari.inference.page_reader import PageReader, is_to_be_inverted
    from docbin_napari.io.rgb import inverted_rows

    def of(pixels: Any, model: Any, config: Any, file: Path | None = None) -> PageReader:
        inverted = is_to_be_inverted(PageSurvey.of(pixels), config)
        upright = inverted_rows(pixels) if inverted else pixels
        return PageReader(model, upright, np.zeros(7, np.float32), inverted=inverted)

    monkeypatch.setattr(PageReader, "of", of)


class FakeEngine:
    """Computes pages without a network: the darker a pixel, the more it is ink.

    Windows of 16 x 16 pixels, one a batch. `before` is called in the worker with the
    number of each window, from 1; it may wait or raise.
    """

    device = "cpu, float32 (made up)"

    def __init__(self) -> None:
        self.before: Callable[[int], None] = lambda number: None
        self.calls: list[tuple[tuple[int, ...], object]] = []
        self.first: object = None
        self.file: object = None
        self.seen_at_once: np.ndarray | None = None

    def load(self, model: str, device: str) -> FakeEngine:
        """Stand in for PageEngine."""
        return self

    def preview(self, pixels: np.ndarray, config: object, file: object) -> np.ndarray | None:
        """Show nothing before the windows, unless a test says what."""
        return self.seen_at_once

    def predict(
        self,
        pixels: np.ndarray,
        config: object,
        out: np.ndarray,
        first: object = None,
        file: object = None,
    ) -> Iterator[Windows]:
        """Fill `out` window by window."""
        self.calls.append((pixels.shape, config))
        self.file = file
        self.first = first
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


def striped_page(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A page of 160 × 128 pixels with dark strokes of known place."""
    random = np.random.default_rng(seed)
    ink = np.zeros((160, 128), bool)
    for top in range(12, 150, 20):
        left = int(random.integers(5, 30))
        ink[top : top + 4, left : left + int(random.integers(40, 90))] = True
    paper = random.integers(200, 240, (160, 128, 1))
    gray = np.where(ink[..., None], random.integers(20, 70), paper)
    return np.repeat(gray, 3, axis=2).astype(np.uint8), ink


@pytest.fixture(scope="session")
def collections(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two collections, ``letters`` (three pages) and ``post`` (one, half of it unlabelled)."""
    folder = tmp_path_factory.mktemp("pairs")
    for seed in range(3):
        write_pair(folder / "letters", f"page{seed}", *striped_page(seed))
    pixels, ink = striped_page(9)
    labelled = np.ones_like(ink)
    labelled[80:] = False
    write_pair(folder / "post", "half", pixels, ink & labelled, labelled)
    return folder


def bars(seed, dark):
    """A page of 256 x 192 pixels: bars of ink, of the given level, on darker or lighter paper."""
    random = np.random.default_rng(seed)
    ink = np.zeros((256, 192), bool)
    for top in range(10, 245, 18):
        left = int(random.integers(5, 40))
        ink[top : top + 5, left : left + int(random.integers(70, 140))] = True
    level, paper = (40, 220) if dark else (140, 190)
    gray = np.where(ink, level, paper) + random.normal(0, 6, ink.shape)
    return np.repeat(gray[..., None].clip(0, 255), 3, axis=2).astype(np.uint8), ink


@pytest.fixture(scope="session")
def two_archives(tmp_path_factory):
    """Dark pages that the base is trained on, and pale ones of another archive."""
    place = tmp_path_factory.mktemp("pairs")
    for seed in range(2):
        write_pair(place / "dark", f"page{seed}", *bars(seed, dark=True))
        write_pair(place / "pale", f"page{seed}", *bars(seed + 5, dark=False))
    return place


@pytest.fixture(scope="session")
def dark_model(two_archives, tmp_path_factory):
    """A tiny model that reads dark pages."""
    from docbin_napari.train.loop import train
    from docbin_napari.train.train_config import TrainConfig

    output = tmp_path_factory.mktemp("base") / "base.safetensors"
    settings = TrainConfig(
        (two_archives / "dark",), (two_archives / "dark",), str(output), steps=40, batch=4,
        window=64, learning_rate=1e-2, channels=(8, 8), average=0.8, run=output.parent / "run",
        device="cpu",
    )  # fmt: skip
    list(train(settings))
    return output


@pytest.fixture
def few_steps(two_archives, dark_model, tmp_path):
    """Twelve steps on the pale pages."""
    from docbin_napari.finetune.finetune_config import FinetuneConfig

    return FinetuneConfig(
        collections=(two_archives / "pale",),
        output=str(tmp_path / "mine.safetensors"),
        start=str(dark_model),
        minutes=0,
        steps=12,
        batch=2,
        window=64,
        learning_rate=5e-3,
        average=0.5,
        replay=0.0,
        validations=3,
        device="cpu",
    )


@pytest.fixture
def pale_page():
    """A page that the dark model reads badly, and its ink."""
    return bars(3, dark=False)
