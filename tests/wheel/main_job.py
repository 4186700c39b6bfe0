"""The main job where nothing but the wheel is installed.

tox runs this file as a program in an environment without pytest, Qt and checkout: what it finds is
what a new user gets. It prints one line a check and stops at the first that does not hold.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path

NAME = "docbin-napari"
NOT_WANTED = ("PyQt5", "PyQt6", "PySide2", "PySide6", "torchvision", "pytest")


def main() -> int:
    """Run all checks; anything that does not hold ends the program with its reason."""
    checks = [comes_from_the_wheel, brings_no_qt, is_a_plugin, loads_its_weights, binarizes_a_page]
    for check in checks:
        print(f"{check.__name__.replace('_', ' ')}: {check()}")
    return 0


def comes_from_the_wheel() -> str:
    """Import the package from site-packages, with its data files beside it."""
    import docbin_napari

    folder = Path(docbin_napari.__file__).parent
    expect(folder.parent.name == "site-packages", f"imported from {folder}")
    for name in ("napari.yaml", "py.typed"):
        expect((folder / name).is_file(), f"{name} is not in the wheel")
    return importlib.metadata.version(NAME)


def brings_no_qt() -> str:
    """Leave the choice of a Qt binding to the user, and torchvision out."""
    found = [name for name in NOT_WANTED if importlib.util.find_spec(name)]
    expect(not found, f"the dependencies bring {', '.join(found)}")
    return "none of " + ", ".join(NOT_WANTED)


def is_a_plugin() -> str:
    """Be listed by npe2, napari's plugin engine."""
    listed = json.loads(run(sys.executable, "-m", "npe2", "list", "--format", "json"))
    names = [manifest["name"] for manifest in listed]
    expect(NAME in names, f"npe2 lists {names}")
    return ", ".join(names)


def loads_its_weights() -> str:
    """Load the default model from the package itself."""
    from docbin_napari import load_model

    model = load_model(device="cpu")
    expect("site-packages" in model.info.path.parts, f"weights from {model.info.path}")
    return f"{model.info.name}, {model.info.parameters} parameters"


def binarizes_a_page() -> str:
    """Turn a photographed page of print into a 1-bit mask by the command line."""
    import skimage.data
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "page.png"
        Image.fromarray(skimage.data.page()).save(page)
        run(str(Path(sys.executable).parent / "docbin"), "binarize", str(page))
        with Image.open(page.parent / "auto_bin" / page.name) as mask:
            expect(mask.mode == "1", f"the mask has mode {mask.mode}")
            expect(mask.size == (384, 191), f"the mask has size {mask.size}")
            ink = mask.convert("L").histogram()[0] / (384 * 191)
    expect(0.05 < ink < 0.4, f"{ink:.1%} of the page became ink")
    return f"{ink:.1%} ink"


def run(*command: str) -> str:
    """Run a command and return what it printed; its errors go where ours go."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def expect(holds: bool, otherwise: str) -> None:
    """End the program with a reason where a condition does not hold."""
    if not holds:
        sys.exit(f"wheel test: {otherwise}")


if __name__ == "__main__":
    sys.exit(main())
