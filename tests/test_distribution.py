"""The files that are published: what the sdist and the wheel hold."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import docbin_napari

pytest.importorskip("hatchling", reason="the build back end is not installed")

NAME = f"docbin_napari-{docbin_napari.__version__}"


def build(source: Path, kind: str, output: Path) -> Path:
    """Build an sdist or a wheel from a source tree and return the one file it gives."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(output)]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = output.iterdir()
    return built


def names_in(wheel: Path) -> set[str]:
    """Names of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def wheel(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names in the wheel that is built from the checkout."""
    return names_in(build(project_root, "wheel", tmp_path_factory.mktemp("wheel")))


@pytest.fixture(scope="module")
def unpacked_sdist(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the unpacked sdist."""
    folder = tmp_path_factory.mktemp("sdist")
    with tarfile.open(build(project_root, "sdist", folder / "packed")) as archive:
        # Python 3.11.0 to 3.11.3 knows no filters; later ones ask for one.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(folder)
    return folder / NAME


def test_the_wheel_holds_every_file_of_the_package(project_root: Path, wheel: set[str]) -> None:
    source = project_root / "src"
    files = [path for path in (source / "docbin_napari").rglob("*") if path.is_file()]
    # Weights that are still being trained stay out of it.
    files = [path for path in files if path.parent.name != "next"]
    wanted = {path.relative_to(source).as_posix() for path in files if path.suffix != ".pyc"}
    assert {"docbin_napari/napari.yaml", "docbin_napari/py.typed"} <= wanted
    assert [name for name in wheel if name.endswith(".safetensors")]
    assert {name for name in wheel if ".dist-info/" not in name} == wanted


def test_the_wheel_holds_nothing_but_the_package(wheel: set[str]) -> None:
    assert {name.partition("/")[0] for name in wheel} == {"docbin_napari", f"{NAME}.dist-info"}
    assert f"{NAME}.dist-info/licenses/LICENSE" in wheel


def test_the_sdist_holds_source_and_tests_but_no_data_sets(unpacked_sdist: Path) -> None:
    held = {path.name for path in unpacked_sdist.iterdir()}
    assert {"src", "tests", "pyproject.toml", "README.md", "LICENSE", "PKG-INFO"} <= held
    assert not held & {"datasets", "benchmarks", "docs", "napari.yaml", "weights"}
    assert not list(unpacked_sdist.rglob("fg_mask"))


def test_the_sdist_builds_the_same_wheel(
    unpacked_sdist: Path, wheel: set[str], tmp_path: Path
) -> None:
    assert names_in(build(unpacked_sdist, "wheel", tmp_path)) == wheel
