"""Make one model of the mean weights of several: python -m docbin_napari.train.mean.

Strokes, calibration and threshold are chosen anew on held-out pages, as at the end of a training.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import tyro

from docbin_napari.io.errors import FileError
from docbin_napari.model.device import DeviceError, choose_device
from docbin_napari.model.registry import ModelError, find_model
from docbin_napari.model.weights import load_network
from docbin_napari.train.dataset import load_pairs
from docbin_napari.train.finish import ModelFiles, finish_model
from docbin_napari.train.model_output import OutputError, checked_output, unfinished_path
from docbin_napari.train.overlap_warning import tell_of_learnt_pages
from docbin_napari.train.start import mean_network


@dataclass(frozen=True)
class MeanConfig:
    """Settings of a mean.

    Parameters
    ----------
    models : tuple of str
        Models of one architecture: names, or .safetensors files.
    train : tuple of Path
        The pages that they have learnt from: collections, or folders of collections.
    validate : tuple of Path
        Held-out pages, which choose strokes, calibration and threshold.
    output : str
        Name of the new model, or a .safetensors file.
    shares : tuple of float
        How much each model counts, in any unit; all the same by default.
    title : str
        What the model is for, in a few words; default: that of the last model.
    training_data : str
        What it learnt from, in words; default: that of the last model.
    device : str
        Where to compute: auto, cpu, cuda, mps.
    overwrite : bool
        Replace a model of this name.
    """

    models: tuple[str, ...]
    train: tuple[Path, ...]
    validate: tuple[Path, ...]
    output: str
    shares: tuple[float, ...] = ()
    title: str = ""
    training_data: str = ""
    device: str = "auto"
    overwrite: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the model; returns the exit status.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; those of the process by default.

    Returns
    -------
    int
        0 when the model was written, 1 otherwise.
    """
    config = tyro.cli(
        MeanConfig, args=arguments, prog="python -m docbin_napari.train.mean", description=__doc__
    )
    try:
        sys.stdout.write(f"{make_mean(config)}\n")
    except (FileError, ModelError, DeviceError, OutputError, ValueError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def make_mean(config: MeanConfig) -> str:
    """Average, choose, and write the model.

    Parameters
    ----------
    config : MeanConfig
        What of.

    Returns
    -------
    str
        A line with its figures.

    Raises
    ------
    ModelError
        If a model is missing or damaged, or they are not alike.
    OutputError
        If the name is taken, or the model cannot be written there.
    PairError, PageError, MaskError
        If pages cannot be read.
    DeviceError
        If the device is not there.
    ValueError
        If the shares do not fit the models, or there are no held-out pages.
    """
    path = checked_output(config.output, config.overwrite)
    choose_device(config.device)
    infos = [find_model(name) for name in config.models]
    network = mean_network([load_network(info) for info in infos], config.shares)
    learnt, held_out = load_pairs(config.train), load_pairs(config.validate)
    if not held_out:
        raise ValueError("--validate: there are no pages to choose calibration and threshold by")
    tell_of_learnt_pages(learnt, held_out)
    last = infos[-1].header
    told = {
        "title": config.title or str(last.get("title", "")),
        "training_data": config.training_data or str(last.get("training_data", "")),
        "mean_of": [info.name for info in infos],
        "shares": list(config.shares) or [1.0] * len(infos),
    }
    files = ModelFiles(path, unfinished_path(path))
    try:
        figures, model = finish_model(network, learnt, held_out, files, config.device, told)
    finally:
        files.interim.unlink(missing_ok=True)
    level = "open" if model.header["edge_level"] is None else f"{model.header['edge_level']:.2f}"
    return (
        f"validation FM {figures.f_measure:.2f}  edge level {level}  "
        f"threshold {model.threshold:.2f}  wrote {model.path}"
    )


if __name__ == "__main__":
    sys.exit(main())
