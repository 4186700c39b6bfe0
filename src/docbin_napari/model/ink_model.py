"""A network with the settings of its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from docbin_napari.features.edge_level import USUAL_EDGE_LEVEL
from docbin_napari.features.page_look import FamiliarPages
from docbin_napari.model.calibration import Calibration
from docbin_napari.model.normalisation import Normalisation
from docbin_napari.model.registry import ModelError, ModelInfo

if TYPE_CHECKING:
    from docbin_napari.features.strips import PageStrip
    from docbin_napari.model.device import Device
    from docbin_napari.model.engine import Engine


@dataclass(frozen=True, eq=False)
class InkModel:
    """A network in its engine, with the settings of its file; made by `load_model`.

    Parameters
    ----------
    engine : Engine
        Runs the network.
    info : ModelInfo
        What the file says about itself.
    base : InkModel, optional
        Reads the pages that are unlike all that this model has learnt from, if its file says
        which these are.

    Raises
    ------
    ModelError
        If what the file says about these pages cannot be read.
    """

    engine: Engine
    info: ModelInfo
    base: InkModel | None = None
    familiar: FamiliarPages | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "familiar", _familiar_pages(self.info))

    @property
    def device(self) -> Device:
        """Where it runs, with which numbers, and why."""
        return self.engine.device

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is ink, 0 to 1."""
        return self.info.threshold

    @cached_property
    def calibration(self) -> Calibration:
        """From logits to probabilities."""
        return Calibration(**self.info.header.get("calibration", {}))

    @cached_property
    def normalisation(self) -> Normalisation:
        """What is done to colours before the network."""
        return Normalisation(**self.info.header.get("normalisation", {}))

    @property
    def edge_level(self) -> float | None:
        """Where edges of strokes are cut, as `edge_level` measures it: low is bold, 0 to 1.

        None where the network draws strokes as bold as it expects on a page.
        """
        level = self.info.header.get("edge_level", USUAL_EDGE_LEVEL)
        return None if level is None else float(level)

    def on_cpu(self) -> InkModel:
        """Give the same model on the CPU, for where the memory of the device ends."""
        return replace(self, engine=self.engine.on_cpu())

    def with_edge_level(self, level: float | None) -> InkModel:
        """Give the same model with bolder or thinner strokes.

        Parameters
        ----------
        level : float or None
            Edge level, 0 to 1; None leaves it to the network. Networks that have not learnt from
            edge levels take no notice.

        Returns
        -------
        InkModel
            A copy.
        """
        base = self.base and self.base.with_edge_level(level)
        return replace(self, info=_changed(self.info, edge_level=level), base=base)

    def with_threshold(self, threshold: float) -> InkModel:
        """Give the same model, its probabilities moved so that its threshold becomes another one.

        Parameters
        ----------
        threshold : float
            Probability from which a pixel is ink, 0 to 1.

        Returns
        -------
        InkModel
            A copy that finds the same ink.
        """
        moved = asdict(self.calibration.moved(self.threshold, threshold))
        return replace(self, info=_changed(self.info, threshold=threshold, calibration=moved))

    def for_strips(self, strips: Sequence[PageStrip]) -> InkModel:
        """Choose who reads a page: this model, or its base.

        Parameters
        ----------
        strips : sequence of PageStrip
            From `page_strips`.

        Returns
        -------
        InkModel
            This model; its base for a page that is unlike all pages it has learnt from, with the
            threshold of this model.
        """
        if self.base is None or self.familiar is None or self.familiar.include(strips):
            return self
        return self.base.with_threshold(self.threshold)


def _changed(info: ModelInfo, **changes: Any) -> ModelInfo:
    return replace(info, header={**info.header, **changes})


def _familiar_pages(info: ModelInfo) -> FamiliarPages | None:
    stored = info.header.get("pages_known")
    try:
        return None if stored is None else FamiliarPages.from_header(stored)
    except ValueError as error:
        raise ModelError(f"{info.path}: {error}") from error
