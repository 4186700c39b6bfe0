"""Fields about models and runs that several panels have, and their tooltips."""

from __future__ import annotations

import sys

from magicgui.widgets import ComboBox, ProgressBar

from docbin_napari.describe import describe
from docbin_napari.inference.inference_config import PRESETS, InferenceConfig
from docbin_napari.model.engine import may_have_gpu
from docbin_napari.model.model_file import DEFAULT_MODEL, ModelInfo, list_models
from docbin_napari.plugin.settings import read_preferences
from docbin_napari.plugin.widgets import choice

_VIEWS = {1: "one view of each window", 2: "two views", 4: "four views", 8: "eight views"}


def preset_field() -> ComboBox:
    """Make the choice of presets."""
    lines = [f"{name}: {_VIEWS[config.symmetries]}" for name, config in PRESETS.items()]
    details = [describe(InferenceConfig, name) for name in ("overlap", "symmetries")]
    words = "\n".join(["How thoroughly the page is read.", *lines, "", *details])
    return choice("preset", "Preset", list(PRESETS), words, value=read_preferences().preset)


class ModelField(ComboBox):
    """Choice of models.

    Parameters
    ----------
    name, label : str
        As in magicgui.
    about : str
        What the tooltip says before it lists the models.

    Attributes
    ----------
    models : dict of str to ModelInfo
        Those that there are, by name.
    """

    def __init__(self, name: str = "model", label: str = "Model", about: str = "") -> None:
        self._about, self.models = about, known_models()
        # Not a list: with every new layer, napari asks a box for its first choices.
        names, nullable = (lambda _: list(self.models)), not self.models
        super().__init__(name=name, label=label, choices=names, nullable=nullable)
        self.list_again(DEFAULT_MODEL)

    def list_again(self, wanted: str = "") -> None:
        """Offer the models that there are now.

        Parameters
        ----------
        wanted : str
            The one to choose if it is there; else what is chosen stays chosen where it can.
        """
        chosen, self.models = self.value, known_models()
        self.tooltip = f"{self._about}\n\n{models_in_words(self.models)}".strip()
        self.reset_choices()
        for name in (chosen, wanted):
            if name in self.models:
                self.value = name


def models_in_words(models: dict[str, ModelInfo]) -> str:
    """Describe the models, and what fine-tuned ones have gained on the user's pages.

    Parameters
    ----------
    models : dict
        From `known_models`.

    Returns
    -------
    str
        A line for each, below a title.
    """
    lines = ["The trained network."]
    for info in models.values():
        line, figures = f"{info.name}: {info.title}", info.figures
        for name in ("held-out FM", "test FM"):
            if {name, f"{name} before"} <= figures.keys():
                line += f"; {name} {figures[f'{name} before']:.2f} → {figures[name]:.2f}"
        lines.append(line)
    return "\n".join(lines)


def device_field() -> ComboBox:
    """Make the choice of devices."""
    where = "Where the network runs. auto takes a GPU when PyTorch finds one."
    return choice("device", "Device", _devices(), where, value=wanted_device())


def wanted_device() -> str:
    """Give the device of the preferences, or auto where this machine has no such device."""
    wanted = read_preferences().device
    return wanted if wanted in _devices() else "auto"


def _devices() -> list[str]:
    """List what may be there, without asking torch, which takes seconds."""
    gpu = "mps" if sys.platform == "darwin" else "cuda"
    return ["auto", "cpu", *([gpu] if may_have_gpu() else [])]


def known_models() -> dict[str, ModelInfo]:
    """List the models by name."""
    return {info.name: info for info in list_models()}


def progress_field() -> ProgressBar:
    """Make the progress bar, in thousandths."""
    bar = ProgressBar(name="progress", min=0, max=1000, value=0, visible=False)
    # What lies below stays where it is, whether the bar is shown or not.
    policy = bar.native.sizePolicy()
    policy.setRetainSizeWhenHidden(True)
    bar.native.setSizePolicy(policy)
    return bar
