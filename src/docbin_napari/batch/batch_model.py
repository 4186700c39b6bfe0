"""Describe the network of a batch in a few words, by which every process can load it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import TYPE_CHECKING

from docbin_napari.batch.made_from import Recipe
from docbin_napari.io.paths import file_hash
from docbin_napari.io.probability import level_of
from docbin_napari.model.engine import EngineConfig
from docbin_napari.model.registry import ModelError, built_in_folder, find_model

if TYPE_CHECKING:
    from docbin_napari.inference.inference_config import InferenceConfig
    from docbin_napari.model.ink_model import InkModel

_loading = Lock()


@dataclass(frozen=True)
class BatchModel:
    """The network of a batch and how it is used; made by `describe_model`.

    Parameters
    ----------
    load : callable
        Gives the `InkModel`. Called before the first page that has to be computed, so that a
        batch in which all is done needs no network.
    inference : InferenceConfig
        Windows, overlap and symmetries.
    threshold : float, optional
        Probability from which a pixel is ink, 0 to 1. By default the model's own.
    recipe : Recipe, optional
        What results keep of it, to know whether they are done; nothing by default.
    """

    load: Callable[[], InkModel]
    inference: InferenceConfig
    threshold: float | None = None
    recipe: Recipe | None = None

    def lowest(self) -> int:
        """Probability in 256 steps from which a pixel is ink."""
        threshold = self.load().threshold if self.threshold is None else self.threshold
        return level_of(threshold)


@dataclass(frozen=True)
class ModelFile:
    """A model file, as any process of any machine can load it.

    Parameters
    ----------
    name : str
        A built-in model, or the absolute path of a model file.
    digest : str
        SHA-256 of the file.
    device : str
        Where a process runs it; ``"auto"`` takes its GPU if it has one.
    engine : EngineConfig
        What runs it, and how.
    """

    name: str
    digest: str
    device: str = "auto"
    engine: EngineConfig = field(default_factory=EngineConfig)

    def load(self) -> InkModel:
        """Load it, once in each process.

        Returns
        -------
        InkModel
            The network.

        Raises
        ------
        ModelError, DeviceError
            If the file is missing here, is damaged or has changed, or the device is missing.
        """
        with _loading:
            return _load(self)


@lru_cache(maxsize=2)
def _load(file: ModelFile) -> InkModel:
    # Imported late: where all is done, none of this is needed.
    from docbin_napari.model.weights import load_model

    if file_hash(find_model(file.name).path) != file.digest:
        raise ModelError(
            f"the file of the model {file.name} is not the one that the batch began with: start "
            "it again"
        )
    return load_model(file.name, file.device, file.engine)


def describe_model(
    name_or_path: str,
    device: str,
    inference: InferenceConfig,
    threshold: float | None = None,
    engine: EngineConfig | None = None,
) -> BatchModel:
    """Find a model on this machine and describe it. Loads no torch.

    Parameters
    ----------
    name_or_path : str
        A name from ``docbin models``, or a ``.safetensors`` file.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to run it.
    inference : InferenceConfig
        Windows, overlap and symmetries.
    threshold : float, optional
        Probability from which a pixel is ink, 0 to 1.
    engine : EngineConfig, optional
        What runs it, and how; chosen by each process by default.

    Returns
    -------
    BatchModel
        Loads a built-in model by its name, because each machine has the package at a place of
        its own; any other by the path of its file.

    Raises
    ------
    ModelError
        If there is no such model.

    Examples
    --------
    >>> from docbin_napari.inference.inference_config import InferenceConfig
    >>> describe_model("general-1", "cpu", InferenceConfig()).recipe.model
    'general-1'
    """
    info = find_model(name_or_path)
    built_in = info.path.resolve().parent == built_in_folder()
    name = info.name if built_in else str(info.path.absolute())
    file = ModelFile(name, file_hash(info.path), device, engine or EngineConfig())
    return BatchModel(
        file.load, inference, threshold, Recipe.of(name, file.digest, inference, threshold)
    )
