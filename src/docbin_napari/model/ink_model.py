"""A network on its device, ready to run."""

from __future__ import annotations

import copy
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from docbin_napari.features.edge_level import USUAL_EDGE_LEVEL
from docbin_napari.features.ink_colour import page_ink, page_strips
from docbin_napari.features.page_look import FamiliarPages
from docbin_napari.model.calibration import Calibration
from docbin_napari.model.device import Device, choose_device
from docbin_napari.model.fused import FusedForward, fastest_forward
from docbin_napari.model.normalisation import Normalisation, told_of_page
from docbin_napari.model.registry import ModelError, ModelInfo
from docbin_napari.model.sized_look import SPAN, PageSize, look_in_size
from docbin_napari.model.unet import UNet

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from docbin_napari.io.row_source import RowSource


class InkModel:
    """A network on its device, ready to run; made by `load_model`.

    Parameters
    ----------
    network : UNet
        In evaluation mode; its batch norms are folded and it is moved to the device.
    info : ModelInfo
        What the file says about itself.
    device : Device
        Where to run and with which number format.
    base : InkModel, optional
        Reads the pages that are unlike all that this model has learnt from, if its file says
        which these are.

    Raises
    ------
    ModelError
        If what the file says about these pages cannot be read.
    """

    def __init__(
        self, network: UNet, info: ModelInfo, device: Device, base: InkModel | None = None
    ) -> None:
        self.info = info
        self.device = device
        self.calibration = Calibration(**info.header.get("calibration", {}))
        self._familiar = _familiar_pages(info)
        self._base = base and base._cut_at(self.threshold)
        self._normalisation = Normalisation(**info.header.get("normalisation", {}))
        self._network = network.fold_norms().move(device.name, device.torch_dtype)
        self._network.requires_grad_(False)
        self._forward = fastest_forward(self._network)
        self._knows_page = False
        self._size: PageSize = "own"

    @property
    def base(self) -> InkModel:
        """What reads the pages that are unlike all that this model has learnt from, or itself."""
        return self._base or self

    def on_cpu(self) -> InkModel:
        """Give the same model on the CPU, for where the memory of the device ends.

        Returns
        -------
        InkModel
            A copy.
        """
        copied = InkModel(copy.deepcopy(self._network), self.info, choose_device("cpu"))
        copied._knows_page = self._knows_page
        copied._size = self._size
        return copied

    def looking_in(self, size: PageSize) -> InkModel:
        """Give the same model, looking at windows in another size.

        Parameters
        ----------
        size : {"own", "half", "double"}
            As it is; in half of its size, too; enlarged to twice its size.

        Returns
        -------
        InkModel
            A copy that gives logits for the pixels of the page in any case.
        """
        other = copy.copy(self)
        other._size = size
        other._base = self._base and self._base.looking_in(size)
        return other

    def for_page(self, pixels: RowSource, ink: NDArray[np.float32] | None = None) -> InkModel:
        """Choose who reads a page, and tell it how dark the ink of the page is.

        Parameters
        ----------
        pixels : RowSource
            uint8 (H, W, 3), RGB.
        ink : ndarray, optional
            float32 (6,), from `page_ink`, where `pixels` are only a part of the page; found
            in them by default.

        Returns
        -------
        InkModel
            This model; its base for a page that is unlike all pages it has learnt from. Both
            have the same threshold. A model that knows its page already stays as it is.
        """
        if self._knows_page:
            return self
        own = self._base is None or self._familiar is None or self._familiar.include(pixels)
        reader = self if own or self._base is None else self._base
        if not reader._network.config.page_ink:
            return reader
        if ink is None:
            # Windows of an enlarged page show strokes as dark as in its own pixels.
            ink = page_ink(page_strips(pixels), halve=self._size != "double")
        return reader._knowing(ink)

    def _knowing(self, ink: NDArray[np.float32] | None) -> InkModel:
        """The same model for a page whose ink is known; None where nothing stands out."""
        known = copy.copy(self)
        known._knows_page = True
        if ink is not None:
            values = told_of_page(ink, self.edge_level, self._normalisation)
            known._network = self._network.of_page(values.to(self.device.name))
            # Whether the fused network can be used here is known: other biases change nothing.
            fused = isinstance(self._forward, FusedForward)
            known._forward = FusedForward(known._network) if fused else known._network
        return known

    def _cut_at(self, threshold: float) -> InkModel:
        """The same model, its probabilities moved so that its threshold becomes another one."""
        moved = copy.copy(self)
        moved.calibration = self.calibration.moved(self.threshold, threshold)
        # The header says so too: a copy on another device is made from it.
        changes = {"threshold": threshold, "calibration": asdict(moved.calibration)}
        moved.info = replace(self.info, header={**self.info.header, **changes})
        return moved

    @property
    def threshold(self) -> float:
        """Probability from which a pixel is ink, 0 to 1."""
        return self.info.threshold

    @property
    def edge_level(self) -> float | None:
        """Where edges of strokes are cut, as `edge_level` measures it: low is bold, 0 to 1.

        None where the network draws strokes as bold as it expects on a page.
        """
        level = self.info.header.get("edge_level", USUAL_EDGE_LEVEL)
        return None if level is None else float(level)

    def cutting_edges_at(self, level: float | None) -> InkModel:
        """Give the same model with bolder or thinner strokes.

        Parameters
        ----------
        level : float or None
            Edge level, 0 to 1; None leaves it to the network. Networks that are not told of
            edge levels take no notice.

        Returns
        -------
        InkModel
            A copy; this model stays as it is.
        """
        other = copy.copy(self)
        other.info = replace(self.info, header={**self.info.header, "edge_level": level})
        other._base = self._base and self._base.cutting_edges_at(level)
        return other

    @property
    def stride(self) -> int:
        """Window sides must be multiples of this, pixels."""
        return int(self._network.config.stride * SPAN[self._size])

    @property
    def context(self) -> int:
        """Pixels to each side that a logit can depend on."""
        return int(self._network.config.context * SPAN[self._size])

    def window_side(self, window: int) -> int:
        """Side of the part of a page that costs about as much as a window in its own size.

        Parameters
        ----------
        window : int
            Side of a window, pixels.

        Returns
        -------
        int
            Half of it where windows are enlarged; at least what the network can take.
        """
        side = window // 2 if self._size == "double" else window
        return max(side, 2 * self.stride)

    def upload(self, rows: np.ndarray) -> Tensor:
        """Bring rows of a page to the device, as they are.

        Parameters
        ----------
        rows : ndarray
            uint8 (H, W, 3), RGB.

        Returns
        -------
        Tensor
            uint8 (H, W, 3). On the CPU it shares the memory of `rows` where it can.
        """
        # PyTorch takes neither read-only arrays nor flipped ones.
        shared = torch.from_numpy(np.require(rows, requirements=["C", "W"]))
        if self.device.name == "cuda":
            # Page-locked memory goes over while the GPU is still busy with the rows before.
            return shared.pin_memory().to(self.device.name, non_blocking=True)
        return shared.to(self.device.name)

    def normalise(self, windows: Tensor) -> Tensor:
        """Turn colours into what the network was trained with.

        Parameters
        ----------
        windows : Tensor
            uint8 (N, H, W, 3), RGB, on the device.

        Returns
        -------
        Tensor
            (N, 3, H, W) in channels-last layout and the device's number format.
        """
        scaled = self._normalisation.of(windows.permute(0, 3, 1, 2).float())
        return scaled.to(self.device.torch_dtype, memory_format=torch.channels_last)

    @torch.inference_mode()
    def logits(self, pixels: Tensor) -> Tensor:
        """Run the network.

        Parameters
        ----------
        pixels : Tensor
            As `normalise` gives them, sides multiples of `stride`.

        Returns
        -------
        Tensor
            Logits of ink, float32 (N, H, W), on the device.
        """
        return look_in_size(self._look, pixels, self._size)[:, 0]

    def _look(self, pixels: Tensor) -> Tensor:
        return self._forward(pixels.contiguous(memory_format=torch.channels_last)).float()


def _familiar_pages(info: ModelInfo) -> FamiliarPages | None:
    stored = info.header.get("pages_known")
    try:
        return None if stored is None else FamiliarPages.from_header(stored)
    except ValueError as error:
        raise ModelError(f"{info.path}: {error}") from error
