"""Sources of predictions for ``docbin evaluate``: masks, a classical method or a model."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.io.errors import PageError
from docbin_napari.io.mask import level_of
from docbin_napari.io.page import GROUND_TRUTH_FOLDER, RESULTS_FOLDER, find_pages, read_pages
from docbin_napari.io.paths import same_name
from docbin_napari.report.evaluation import Evaluated, Judged

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from docbin_napari.cli.mask_matching import MatchedPage
    from docbin_napari.model.ink_model import InkModel
    from docbin_napari.model.model_file import ModelInfo

_INVERTED = (
    "shows light writing on dark ground; light and dark were exchanged there for the network"
)


class InkSource(Evaluated, Protocol):
    """Where the ink comes from."""

    def judge(self, match: MatchedPage) -> Judged:
        """Read or compute the ink of a page.

        Raises
        ------
        FileError
            If a file cannot be read, or the network cannot be run on this page.
        """


@dataclass(frozen=True)
class Masks:
    """Masks in files, and the probabilities beside them.

    Parameters
    ----------
    place : Path
        Folder or file, as it was given.
    """

    place: Path
    model: None = None
    threshold: None = None

    @property
    def title(self) -> str:
        """What is judged, in words."""
        return f"masks in {self.place}"

    def judge(self, match: MatchedPage) -> Judged:
        """Read a mask, and its probability if ``NAME_probability`` lies beside it."""
        from docbin_napari.io.mask import read_ground_truth

        ink = read_ground_truth(match.prediction).ink
        path = match.prediction.with_stem(f"{match.prediction.stem}_probability")
        if not path.is_file():
            return Judged(ink)
        try:
            probability = only_page(path)[..., 0]
        except PageError as error:
            warnings.warn(f"{error}; the mask beside it is judged without it", stacklevel=2)
            return Judged(ink)
        if probability.shape != ink.shape:
            warnings.warn(f"{path}: it is of another size than its mask; left out", stacklevel=2)
            return Judged(ink)
        return Judged(ink, probability)


@dataclass(frozen=True)
class BaselineMethod:
    """A classical method, run on the pages.

    Parameters
    ----------
    name : str
        One of `BASELINES`.
    """

    name: str
    model: None = None
    threshold: None = None

    @property
    def title(self) -> str:
        """What is judged, in words."""
        return f"the method of {self.name.capitalize()}"

    def judge(self, match: MatchedPage) -> Judged:
        """Run it on a page."""
        from docbin_napari.inference.classical import BASELINES

        pixels = only_page(match.prediction)
        return Judged(BASELINES[self.name](pixels), pixels=pixels)


@dataclass(frozen=True)
class RunModel:
    """A model, run on the pages as ``docbin binarize`` runs it.

    Parameters
    ----------
    network : InkModel
        From `load_model`.
    config : InferenceConfig
        Windows, overlap and symmetries.
    preset : str
        Name of these settings.
    """

    network: InkModel
    config: InferenceConfig
    preset: str

    @property
    def title(self) -> str:
        """What is judged, in words."""
        return f"model {self.model.name}, preset {self.preset}"

    @property
    def model(self) -> ModelInfo:
        """The model."""
        return self.network.info

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is ink."""
        return self.network.threshold

    def judge(self, match: MatchedPage) -> Judged:
        """Run the network on a page."""
        import numpy as np

        from docbin_napari.inference.page_reader import PageReader
        from docbin_napari.inference.predict import InferenceError, predict_with

        pixels = only_page(match.prediction)
        reader = PageReader.of(pixels, self.network, self.config)
        if reader.inverted:
            warnings.warn(f"{match.prediction}: {_INVERTED}", stacklevel=2)
        probability = np.zeros(pixels.shape[:2], np.uint8)
        try:
            for _ in predict_with(reader, self.config, probability):
                pass
        except InferenceError as error:
            raise PageError(match.prediction, str(error)) from error
        lowest = level_of(self.network.threshold)
        return Judged(probability >= lowest, probability, pixels)


def only_page(path: Path) -> NDArray[np.uint8]:
    """Read a file that must have a single page.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
        RGB.

    Raises
    ------
    PageError
        If it cannot be read or has several pages.
    """
    page = next(read_pages(path))
    if page.count > 1:
        raise PageError(path, f"one page is needed here, but this file holds {page.count}")
    return page.pixels


def find_scan(match: MatchedPage) -> Path | None:
    """Find the page that a mask belongs to, by the folders of masks.

    Parameters
    ----------
    match : MatchedPage
        Prediction and ground truth.

    Returns
    -------
    Path or None
        The page beside the folder ``fg_mask`` or ``auto_bin``; None if there is none.
    """
    for mask, folder in (
        (match.ground_truth, GROUND_TRUTH_FOLDER),
        (match.prediction, RESULTS_FOLDER),
    ):
        if mask.parent.name != folder:
            continue
        for page in find_pages(mask.parent.parent):
            if same_name(page.stem) == same_name(mask.stem) and page.suffix.lower() != ".pdf":
                return page
    return None
