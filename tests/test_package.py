"""The package as a whole: what importing it loads, its names, its version, its metadata."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import docbin_napari

QT_BINDINGS = {"pyqt5", "pyqt6", "pyside2", "pyside6"}


def loaded_by(code: str) -> set[str]:
    """Top-level modules a fresh interpreter holds after running the code."""
    report = "import sys; print('modules:', *sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"], check=True, capture_output=True, text=True
    )
    return set(done.stdout.rpartition("modules:")[2].split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_by("import docbin_napari")
    assert "docbin_napari" in loaded
    assert not loaded & {"torch", "napari", "magicgui", "qtpy", "skimage", "PIL", "numpy"}


def test_opening_a_png_loads_no_torch(tmp_path: Path) -> None:
    from PIL import Image

    path = tmp_path / "page.png"
    Image.new("L", (3, 2), 255).save(path)
    code = f"import docbin_napari; print(len(list(docbin_napari.read_pages({str(path)!r}))))"
    loaded = loaded_by(code)
    assert "PIL" in loaded
    assert not loaded & {"torch", "napari"}


@pytest.mark.parametrize("module", ["docbin_napari.cli", "docbin_napari.io.page"])
def test_the_command_line_and_the_reader_load_no_torch(module: str) -> None:
    assert not loaded_by(f"import {module}") & {"torch", "napari", "skimage"}


@pytest.fixture
def drawn_pair(tmp_path: Path) -> Path:
    """A folder with a page of one stroke and its ground truth."""
    from PIL import Image, ImageDraw

    (tmp_path / "fg_mask").mkdir()
    for name, paper in (("page.png", "beige"), ("fg_mask/page.png", "white")):
        page = Image.new("RGB", (200, 150), paper)
        ImageDraw.Draw(page).line((20, 20, 180, 120), "black", 6)
        page.convert("L" if "mask" in name else "RGB").save(tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ("binarize", "--device", "cpu"),
        ("evaluate", "{folder}", "--model", "general-1", "--device", "cpu"),
        ("info",),
    ],
    ids=lambda arguments: arguments[0],
)
def test_no_command_waits_for_torch_on_a_cpu(arguments: tuple[str, ...], drawn_pair: Path) -> None:
    command, *options = (part.format(folder=drawn_pair) for part in arguments)
    paths = [] if command == "info" else [str(drawn_pair)]
    code = (
        "import os; os.environ['CUDA_VISIBLE_DEVICES'] = ''\n"
        f"from docbin_napari.cli import main\nassert main({[command, *paths, *options]!r}) == 0"
    )
    loaded = loaded_by(code)
    assert "openvino" in loaded
    assert not loaded & {
        "torch",
        "napari",
        *(["skimage", "scipy"] if command == "binarize" else []),
    }


def test_run_in_napari_does_not_wait_for_torch_on_a_cpu() -> None:
    code = (
        "import numpy as np\n"
        "from docbin_napari.inference.inference_config import InferenceConfig\n"
        "from docbin_napari.plugin.threads import PageEngine\n"
        "page, out = np.full((80, 90, 3), 220, np.uint8), np.ones((80, 90), np.float32)\n"
        "engine = PageEngine('general-1', 'cpu')\n"
        "for _ in engine.predict(page, InferenceConfig(), out): pass\n"
        "assert out.max() < 0.1"
    )
    assert "torch" not in loaded_by(code)


def test_running_a_network_opens_no_connection() -> None:
    """OpenVINO comes with a package that could send figures about its use."""
    code = (
        "import socket, sys\n"
        "def refuse(event, arguments):\n"
        "    if event.startswith('socket.'): raise RuntimeError(event)\n"
        "sys.addaudithook(refuse)\n"
        "import numpy as np, docbin_napari\n"
        "page = np.full((80, 90, 3), 220, np.uint8)\n"
        "assert not docbin_napari.binarize(page, docbin_napari.load_model(device='cpu')).any()"
    )
    assert "openvino" in loaded_by(code)


def test_importing_every_module_of_the_plugin_loads_no_torch() -> None:
    code = (
        "import importlib, pkgutil, docbin_napari.plugin as plugin\n"
        "for found in pkgutil.walk_packages(plugin.__path__, 'docbin_napari.plugin.'):\n"
        "    importlib.import_module(found.name)"
    )
    assert "torch" not in loaded_by(code)


def test_listing_the_plugin_loads_neither_torch_nor_qt() -> None:
    loaded = loaded_by("import npe2; npe2.PluginManager.instance().discover()")
    assert "npe2" in loaded
    assert not loaded & ({"torch"} | {"PyQt6", "PySide6", "PyQt5", "PySide2"})


@pytest.mark.parametrize("name", [name for name in docbin_napari.__all__ if name != "__version__"])
def test_every_public_name_exists_and_is_documented(name: str) -> None:
    assert getattr(docbin_napari, name).__doc__


def test_names_that_are_not_there_raise_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'no_such_name'"):
        docbin_napari.no_such_name  # noqa: B018


def test_the_version_stands_in_one_place(project_root: Path) -> None:
    version = docbin_napari.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version)
    settings = tomllib.loads((project_root / "pyproject.toml").read_text(encoding="utf-8"))
    assert settings["project"]["dynamic"] == ["version"]
    assert "version" not in settings["project"]
    literal = re.compile(rf"""version["']?\s*[:=]\s*["']?{re.escape(version)}\b""")
    sources = [*(project_root / "src").rglob("*.py"), project_root / "CITATION.cff"]
    holders = [path.name for path in sources if literal.search(path.read_text(encoding="utf-8"))]
    assert holders == []
    about = (project_root / "src/docbin_napari/__about__.py").read_text(encoding="utf-8")
    assert f'__version__ = "{version}"' in about


def test_the_changelog_knows_the_version(project_root: Path) -> None:
    changelog = (project_root / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"## [{docbin_napari.__version__}]" in changelog


@pytest.mark.parametrize("name", ["napari.yaml", "weights"])
def test_top_level_links_point_into_the_package(project_root: Path, name: str) -> None:
    link, target = project_root / name, Path("src/docbin_napari") / name
    if not link.is_symlink() and sys.platform == "win32":
        # git for Windows may write a link as a file that holds its target.
        assert link.read_text(encoding="utf-8") == target.as_posix()
        return
    assert link.readlink() == target
    assert link.exists()


class TestMetadata:
    """What the installed distribution says about itself."""

    @pytest.fixture
    def distribution(self) -> importlib.metadata.Distribution:
        try:
            return importlib.metadata.distribution("docbin-napari")
        except importlib.metadata.PackageNotFoundError:
            pytest.skip("the package is only on the path, not installed")

    def test_version(self, distribution: importlib.metadata.Distribution) -> None:
        assert distribution.version == docbin_napari.__version__

    def test_licence_and_python(self, distribution: importlib.metadata.Distribution) -> None:
        assert distribution.metadata["License-Expression"] == "Apache-2.0"
        assert distribution.metadata["Requires-Python"] == ">=3.11"

    def test_dependencies_name_no_qt_binding(
        self, distribution: importlib.metadata.Distribution
    ) -> None:
        always = [line for line in distribution.requires or [] if "extra ==" not in line]
        names = {re.split(r"[\s\[<>=!~;(]", line)[0].lower() for line in always}
        assert {"torch", "napari", "numpy"} <= names
        assert not names & (QT_BINDINGS | {"torchvision"})
        assert not [line for line in always if "[" in line.partition(";")[0]]

    def test_doors(self, distribution: importlib.metadata.Distribution) -> None:
        doors = {(entry.group, entry.name): entry.value for entry in distribution.entry_points}
        assert doors == {
            ("console_scripts", "docbin"): "docbin_napari.cli:main",
            ("napari.manifest", "docbin-napari"): "docbin_napari:napari.yaml",
        }
