"""Other ways to the same result, as their users would write them; those not installed are named.

Strategy: MONAI's window inference runs the very network of our model file. So that nothing but
the engine is compared, it gets the size of windows and the step that our plan arrives at, and the
same symmetries. Pages whose sides are multiples of the network's stride keep its windows on the
grid that ours lie on; what differs then is rounding, and how borders of windows are blended.
"""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from docbin_napari.features.edge_level import USUAL_EDGE_LEVEL
from docbin_napari.features.survey import PageSurvey
from docbin_napari.inference.classical import sauvola
from docbin_napari.inference.inference_config import InferenceConfig
from docbin_napari.inference.predict import SYMMETRY_SETS, turn, turn_back
from docbin_napari.inference.windows import plan_page
from docbin_napari.io.rgb import luma
from docbin_napari.model.ink_model import Calibration, Normalisation, load_network, page_condition
from docbin_napari.model.model_file import find_model
from reference_network import ReferenceWorkload

_PEERS = {"monai": "MONAI", "doxapy": "doxapy"}

Method = Callable[[np.ndarray], np.ndarray]


def missing_peers() -> list[str]:
    """Names of the optional peers that are not installed."""
    return [name for module, name in _PEERS.items() if importlib.util.find_spec(module) is None]


def classical_peers(device: str) -> dict[str, Method]:
    """The reference workload, and Sauvola's threshold in the libraries that are there."""
    methods: dict[str, Method] = {
        "reference workload": ReferenceWorkload(device).probability,
        "Sauvola, scikit-image": sauvola,
    }
    if importlib.util.find_spec("doxapy"):
        methods["Sauvola, doxapy"] = doxapy_sauvola
    return methods


def doxapy_sauvola(pixels: np.ndarray) -> np.ndarray:
    """Sauvola's threshold of doxapy, with the settings of `sauvola`: bool (H, W), True is ink."""
    import doxapy

    gray = luma(pixels)
    binary = np.empty_like(gray)
    method = doxapy.Binarization(doxapy.Binarization.Algorithms.SAUVOLA)
    method.initialize(gray)
    method.to_binary(binary, {"window": 25, "k": 0.2})
    return binary == 0


@dataclass(frozen=True)
class MonaiSettings:
    """How a user of MONAI runs the network.

    Parameters
    ----------
    device : str
        Such as ``"cpu"``.
    dtype : torch.dtype or None
        Format of autocast, and then channels-last layout, too; None is float32 in PyTorch's
        default layout, as everything is unless its user changes it.
    batch : int
        Windows in one pass.
    """

    device: str
    dtype: torch.dtype | None = None
    batch: int = 4

    @property
    def label(self) -> str:
        """Name in the tables."""
        name = "float32" if self.dtype is None else f"{str(self.dtype)[6:]} + channels_last"
        return f"MONAI, {name}"

    @property
    def layout(self) -> torch.memory_format:
        """Memory layout of network and pixels."""
        return torch.contiguous_format if self.dtype is None else torch.channels_last

    def autocast(self) -> AbstractContextManager[object]:
        """Context that the network runs in."""
        if self.dtype is None:
            return nullcontext()
        return torch.autocast(self.device, self.dtype)


class Monai:
    """A model of ours under MONAI's window inference.

    Parameters
    ----------
    model : str
        Name or file of the model.
    settings : MonaiSettings
        How it is run.
    """

    def __init__(self, model: str, settings: MonaiSettings) -> None:
        info = find_model(model)
        network = load_network(info).eval()
        self._network = network.to(settings.device, memory_format=settings.layout)
        self._normalisation = Normalisation.of_model(info)
        self._calibration = Calibration(**info.header.get("calibration", {}))
        self._settings = settings
        self._edge_level = info.header.get("edge_level", USUAL_EDGE_LEVEL)
        self.stride = network.config.stride

    def probability(self, pixels: np.ndarray, config: InferenceConfig) -> np.ndarray:
        """Probability of ink.

        Parameters
        ----------
        pixels : ndarray
            uint8 (H, W, 3), RGB; H and W are multiples of the stride.
        config : InferenceConfig
            Windows, overlap and symmetries; every window under every symmetry.

        Returns
        -------
        ndarray
            float32 (H, W), 0 to 1.
        """
        ink = PageSurvey.of(pixels).ink
        told = page_condition(ink, self._edge_level, self._normalisation)
        ink = torch.from_numpy(told).to(self._settings.device)
        symmetries = SYMMETRY_SETS[config.symmetries]
        with torch.no_grad():
            logits = [self._logits(pixels[None], ink, symmetry, config) for symmetry in symmetries]
            return self._calibration.probability(np.mean(logits, axis=0)[0])

    def _logits(
        self, page: np.ndarray, ink: Tensor, symmetry: int, config: InferenceConfig
    ) -> np.ndarray:
        from monai.inferers import sliding_window_inference

        def predictor(windows: Tensor) -> Tensor:
            return self._network(windows, ink.expand(len(windows), -1))

        seen = torch.from_numpy(np.ascontiguousarray(turn(page, symmetry)))
        colours = seen.to(self._settings.device).permute(0, 3, 1, 2).float()
        turned = self._normalisation.of(colours).contiguous(memory_format=self._settings.layout)
        axes = planned_windows(tuple(turned.shape[2:]), config, self.stride)
        with self._settings.autocast():
            logits = sliding_window_inference(
                turned,
                roi_size=[size for size, _ in axes],
                sw_batch_size=self._settings.batch,
                predictor=predictor,
                # Half a pixel less: the step is rounded down there.
                overlap=[1 - (step + 0.5) / size if step < size else 0.0 for size, step in axes],
                mode="gaussian",
            )
        return turn_back(logits.float()[:, 0].cpu().numpy(), symmetry)


def planned_windows(
    shape: tuple[int, int], config: InferenceConfig, stride: int
) -> list[tuple[int, int]]:
    """Size of our windows along each axis, and the largest step from one to the next.

    Parameters
    ----------
    shape : (int, int)
        Height and width of the page, pixels.
    config : InferenceConfig
        Windows and overlap.
    stride : int
        Of the network.

    Examples
    --------
    >>> planned_windows((896, 320), InferenceConfig(window=512, overlap=0.25), 16)
    [(512, 384), (320, 320)]
    """
    found = []
    for plan in plan_page(shape, config.window, config.overlap, stride):
        steps = [after - before for before, after in itertools.pairwise(plan.starts)]
        found.append((plan.size, max(steps, default=plan.size)))
    return found
