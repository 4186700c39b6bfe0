"""What napari is told about the plugin, as a user's napari asks for it: in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from docbin_napari.io.mask import write_mask
from docbin_napari.io.page import PAGE_SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.viewer

ASK = """
import json, sys, warnings
warnings.simplefilter("ignore")
import npe2
manager = npe2.PluginManager.instance()
manager.discover()
answer = (lambda manager, arguments: {question})(manager, sys.argv[1:])
heavy = [name for name in ("torch", "qtpy", "PyQt6", "skimage") if name in sys.modules]
print(json.dumps({{"answer": answer, "heavy": heavy}}))
"""


def ask(question: str, *arguments: str) -> Any:
    """Evaluate an expression of `manager` and `arguments` where no plugin was loaded before."""
    command = [sys.executable, "-c", ASK.format(question=question), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def listing() -> Any:
    """What listing the plugin shows."""
    return ask("""[
        [mf.name, mf.display_name, [w.display_name for w in mf.contributions.widgets],
        {menu: [item.command for item in items] for menu, items in mf.contributions.menus.items()}]
        for mf in manager.iter_manifests() if mf.name == "docbin-napari"
    ]""")


def test_listing_the_plugin_loads_neither_torch_nor_qt(listing) -> None:
    assert listing["answer"], "the package is not installed: pip install -e ."
    assert listing["heavy"] == []


def test_the_widgets_are_in_the_plugins_menu_and_in_the_segment_menu(listing) -> None:
    ((name, display_name, widgets, menus),) = listing["answer"]
    assert name == display_name == "docbin-napari"
    assert widgets == [
        "Binarize document",
        "Correct and save training pairs",
        "Train on my pairs",
    ]
    for command in ("docbin-napari.binarize", "docbin-napari.correct"):
        assert command in menus["napari/layers/segment"]
    assert "docbin-napari.open_document" in menus["napari/file/io_utilities"]


@pytest.mark.parametrize("name", ["page.tif", "page.tiff", "page.png", "page.jpg", "page.webp"])
def test_files_that_napari_opens_are_left_to_napari_so_that_it_never_asks(
    tmp_path: Path, name: str
) -> None:
    readers = ask("[r.plugin_name for r in manager.iter_compatible_readers(arguments)]", name)
    assert "docbin-napari" not in readers["answer"]


def test_folders_are_left_to_napari(tmp_path: Path) -> None:
    question = "[r.plugin_name for r in manager.iter_compatible_readers(arguments)]"
    assert "docbin-napari" not in ask(question, str(tmp_path))["answer"]


def test_every_kind_of_page_has_one_reader() -> None:
    """Two would make napari ask at every open; without any, a dropped page does not open."""
    question = (
        "{n: [r.plugin_name for r in manager.iter_compatible_readers([n])] for n in arguments}"
    )
    names = [f"page{suffix}" for suffix in PAGE_SUFFIXES]
    readers = ask(question, *names, "PAGE.PDF")["answer"]
    assert {name: len(found) for name, found in readers.items()} == dict.fromkeys(readers, 1)
    assert readers["PAGE.PDF"] == readers["page.heic"] == ["docbin-napari"]


def test_reading_a_pdf_loads_neither_torch_nor_qt(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (40, 30), "white").save(tmp_path / "a.pdf", resolution=72)
    question = "[kind for _, _, kind in __import__('npe2').read(arguments, stack=False)]"
    done = ask(question, str(tmp_path / "a.pdf"))
    assert done["answer"] == ["image"]
    assert "torch" not in done["heavy"]


def test_saving_labels_as_tiff_stays_with_napari_unless_the_user_chooses(tmp_path: Path) -> None:
    question = "manager.get_writer('a.tif', ['labels'])[0].command"
    assert ask(question)["answer"] == "napari.write_labels"
    question = "manager.get_writer('a.tif', ['labels'], 'docbin-napari')[0].command"
    assert ask(question)["answer"] == "docbin-napari.write_ink"


def test_the_folder_of_a_page_does_not_matter(tmp_path: Path, one_stroke: Any) -> None:
    path = write_mask(tmp_path / "page.pdf.tif", one_stroke.ink)
    question = "[r.plugin_name for r in manager.iter_compatible_readers(arguments)]"
    assert ask(question, str(path))["answer"] == ["napari"]
