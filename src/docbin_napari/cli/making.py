"""``docbin average``, ``quantize`` and ``generate``: tools for makers of models."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from docbin_napari.cli.console import Console, UsageError, option, usage_errors
from docbin_napari.io.page import GROUND_TRUTH_FOLDER
from docbin_napari.io.paths import atomic_path, writing_trouble
from docbin_napari.model.engine import DeviceError
from docbin_napari.model.model_file import ModelError
from docbin_napari.train.train_config import AverageConfig, TrainingError

if TYPE_CHECKING:
    from docbin_napari.drawing.generator import SyntheticPage

_MOST_PIXELS = 100_000_000
_LONGEST_JPEG = 65_500


@dataclass(frozen=True)
class AverageCommand:
    """Make one model of the mean weights of several.

    Edge level, calibration and threshold are chosen anew on held-out pages, as at the end of a
    training.

    Parameters
    ----------
    config : AverageConfig
        Which models and pages.
    """

    config: Annotated[AverageConfig, tyro.conf.arg(name="")]

    def run(self, console: Console) -> int:
        """Write the model and print its figures.

        Parameters
        ----------
        console : Console
            Where to print them.

        Returns
        -------
        int
            Exit code 0.

        Raises
        ------
        UsageError
            If the models are not alike, a setting is wrong, or the model cannot be written.
        """
        from docbin_napari.train.start import average_models

        with usage_errors(ModelError, DeviceError, TrainingError, ValueError):
            figures, info = average_models(self.config)
        level = info.header["edge_level"]
        console.say(
            f"validation FM {figures.f_measure:.2f}  edge level "
            f"{'open' if level is None else f'{level:.2f}'}  threshold {info.threshold:.2f}  "
            f"wrote {info.path}"
        )
        return 0


@dataclass(frozen=True)
class QuantizeCommand:
    """Find the int8 form of a model and write it into the file of the model.

    Parameters
    ----------
    model : str
        Name of a model, or a .safetensors file; the form is written into it.
    pages : tuple of Path
        Collections, or folders of collections, whose pages give the ranges; of all kinds.
    judge : tuple of Path
        Collections with ground truth, on which the cost of the format is measured.
    generated : int
        Generated pages that are added to pages.
    each : int
        Most pages that are taken from each collection of pages.
    """

    model: Annotated[str, tyro.conf.Positional, option(metavar="NAME|FILE")]
    pages: tuple[Path, ...]
    judge: tuple[Path, ...]
    generated: int = 12
    each: int = 8

    def run(self, console: Console) -> int:
        """Write the form and print what it costs.

        Parameters
        ----------
        console : Console
            Where to print it.

        Returns
        -------
        int
            Exit code: 0 if the form will be used, 1 if it costs too much.

        Raises
        ------
        UsageError
            If the model is missing, or there are no pages.
        """
        from docbin_napari.train.quantize import quantize

        with usage_errors(ModelError, DeviceError, ValueError):
            form = quantize(self.model, self.pages, self.judge, self.generated, self.each)
        used = "used where the processor has int8 units" if form.is_good_enough else "not used"
        console.say(
            f"int8 costs {form.mean_loss:.3f} FM on average over {form.pages} pages, "
            f"{form.worst_loss:.3f} on the worst: {used}"
        )
        return 0 if form.is_good_enough else 1


@dataclass(frozen=True)
class GenerateCommand:
    """Draw degraded pages with exact ground truth: OUTPUT/PAGE.png and OUTPUT/fg_mask/PAGE.png.

    Parameters
    ----------
    output : Path
        Folder of the collection.
    pages : int
        Number of pages.
    seed : int
        Seed of the first page; the next is one more.
    archive : str, optional
        Kind of archive, or a group to choose from; an unknown name lists them.
    height, width : int
        Size in pixels.
    written : float
        Share of the page that is written on, from the top.
    scale : float
        Resolution over the usual one, such as 2 for 600 dpi.
    jpeg : int
        Write pages as JPEG of this quality, 1 to 100; 0 writes PNG.
    """

    output: Path
    pages: int = 10
    seed: int = 0
    archive: Annotated[str | None, option(metavar="NAME", default="usual")] = None
    height: int = 1200
    width: int = 900
    written: float = 1.0
    scale: float = 1.0
    jpeg: int = 0

    def run(self, console: Console) -> int:
        """Write the pages.

        Parameters
        ----------
        console : Console
            Not used: nothing is printed where all goes well.

        Returns
        -------
        int
            Exit code 0.

        Raises
        ------
        UsageError
            If a value is out of range, or a page of that name exists.
        """
        from docbin_napari.drawing.generator import draw_page

        self._check()
        for seed in range(self.seed, self.seed + self.pages):
            with usage_errors(ValueError):
                page = draw_page(
                    seed, self.height, self.width, self.archive, self.written, self.scale
                )
            self._write(f"{self.archive or 'page'}_{seed:06d}", page)
        return 0

    def _check(self) -> None:
        if not 0 <= self.written <= 1:
            raise UsageError(f"--written is a share, 0 to 1, not {self.written}")
        if not 0.25 <= self.scale <= 4:
            raise UsageError(f"--scale must lie between 0.25 and 4, not {self.scale}")
        if self.height * self.width > _MOST_PIXELS:
            size = f"{self.height:,} × {self.width:,}"
            raise UsageError(f"--height × --width: {size} pixels are more than {_MOST_PIXELS:,}")
        if self.pages < 1 or self.seed < 0:
            raise UsageError("--pages must be at least 1, and --seed at least 0")
        if not 0 <= self.jpeg <= 100:
            raise UsageError(f"--jpeg is a quality, 1 to 100, or 0 for PNG, not {self.jpeg}")
        if self.jpeg and max(self.height, self.width) > _LONGEST_JPEG:
            raise UsageError(f"a JPEG side has at most {_LONGEST_JPEG:,} pixels: leave --jpeg out")

    def _write(self, name: str, page: SyntheticPage) -> None:
        """Add a page to the collection, as PNG or as a much smaller JPEG file."""
        from docbin_napari.io.encode import encode_jpeg
        from docbin_napari.io.mask import write_ground_truth
        from docbin_napari.pairs.pair import write_pair

        mask = self.output / GROUND_TRUTH_FOLDER / f"{name}.png"
        try:
            if not self.jpeg:
                write_pair(self.output, name, page.pixels, page.ink)
                return
            if mask.exists():
                # Of a page in another format, which would lose its mask to this one.
                raise FileExistsError
            with atomic_path(self.output / f"{name}.jpg", overwrite=False) as temporary:
                temporary.write_bytes(encode_jpeg(page.pixels, self.jpeg))
            write_ground_truth(mask, page.ink, overwrite=False)
        except FileExistsError as error:
            taken = f"{self.output / name}: there is a page or a mask of this name"
            raise UsageError(f"{taken}; choose another --seed or --output") from error
        except OSError as error:
            raise UsageError(f"{self.output}: {writing_trouble(error)}") from error
