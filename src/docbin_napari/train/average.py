"""Make one model of the mean weights of several."""

from __future__ import annotations

from docbin_napari.model.engine import choose_device
from docbin_napari.model.ink_model import load_network
from docbin_napari.model.model_file import ModelInfo, find_model
from docbin_napari.train.dataset import load_pairs, warn_of_overlap
from docbin_napari.train.finish import ModelFiles, finish_model
from docbin_napari.train.model_output import checked_output, unfinished_path
from docbin_napari.train.start import mean_network
from docbin_napari.train.train_config import AverageConfig
from docbin_napari.train.validate import Validation


def average_models(config: AverageConfig) -> tuple[Validation, ModelInfo]:
    """Average the weights of models, finish the result on held-out pages, and write it.

    Parameters
    ----------
    config : AverageConfig
        Which models and pages.

    Returns
    -------
    Validation
        Figures on the held-out pages.
    ModelInfo
        Of the new file.

    Raises
    ------
    ModelError
        If a model is missing or damaged, or they are not alike.
    TrainingError
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
    warn_of_overlap(learnt, held_out)
    last = infos[-1].header
    header = {
        "title": config.title or str(last.get("title", "")),
        "training_data": config.training_data or str(last.get("training_data", "")),
        "mean_of": [info.name for info in infos],
        "shares": list(config.shares) or [1.0] * len(infos),
    }
    files = ModelFiles(path, unfinished_path(path))
    try:
        return finish_model(network, learnt, held_out, files, config.device, header)
    finally:
        files.interim.unlink(missing_ok=True)
