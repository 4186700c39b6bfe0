import errno
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from docbin_napari.io import paths as io_paths
from docbin_napari.io.errors import PairError
from docbin_napari.pairs import pair as pair_files
from docbin_napari.pairs.pair import PairContent, find_pairs, read_pair, write_both_files
from docbin_napari.pairs.save import PairPlace, save_pair


@pytest.fixture
def content(one_stroke) -> PairContent:
    labelled = np.ones_like(one_stroke.ink)
    labelled[:5] = False
    return PairContent(one_stroke.pixels, one_stroke.ink, labelled, (300, 200), {"Author": "A"})


def below(folder) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def paths(folder):
    return folder / "page.png", folder / "fg_mask" / "page.png"


def test_a_pair_that_every_reader_finds(tmp_path, content) -> None:
    write_both_files(*paths(tmp_path), content)
    pixels, truth = read_pair(find_pairs(tmp_path)[0])
    assert (pixels == content.pixels).all()
    assert (truth.ink == (content.ink & content.labelled)).all()
    assert (truth.labelled == content.labelled).all()
    assert below(tmp_path) == ["fg_mask", "fg_mask/page.png", "page.png"]


def test_colours_are_kept(tmp_path, content, one_stroke) -> None:
    pixels = one_stroke.pixels.copy()
    pixels[3, 4] = (9, 8, 7)
    write_both_files(*paths(tmp_path), PairContent(pixels, one_stroke.ink))
    assert (read_pair(find_pairs(tmp_path)[0])[0] == pixels).all()


@pytest.mark.parametrize("there", [0, 1])
def test_what_is_there_is_left_alone(tmp_path, content, there) -> None:
    path = paths(tmp_path)[there]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"mine")
    before = below(tmp_path)
    with pytest.raises(FileExistsError):
        write_both_files(*paths(tmp_path), content)
    assert path.read_bytes() == b"mine"
    assert [name for name in below(tmp_path) if name != "fg_mask"] == [
        name for name in before if name != "fg_mask"
    ]


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_full_disk_leaves_neither_file_nor_folder(
    tmp_path, content, monkeypatch, at, code
) -> None:
    """The disk is found full at the mask, or at the page."""
    calls = []

    def sync(path) -> None:
        calls.append(path)
        if len(calls) == at:
            raise OSError(code, os.strerror(code))

    monkeypatch.setattr(pair_files, "to_disk", sync)
    with pytest.raises(PairError, match=r"page\.png: .*choose another"):
        write_both_files(*paths(tmp_path / "letters"), content)
    assert len(calls) == at
    assert below(tmp_path) in ([], ["letters"])


def test_the_page_is_taken_back_if_its_mask_cannot_appear(tmp_path, content, monkeypatch) -> None:
    """Somebody else's mask appears between the two renames."""
    page, mask = paths(tmp_path)
    real = io_paths._move_to_free_name

    def move(temporary, path) -> None:
        real(temporary, path)
        if path == page:
            mask.write_bytes(b"mine")

    monkeypatch.setattr(io_paths, "_move_to_free_name", move)
    with pytest.raises(FileExistsError):
        write_both_files(page, mask, content)
    assert below(tmp_path) == ["fg_mask", "fg_mask/page.png"]
    assert mask.read_bytes() == b"mine"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of Linux")
def test_a_limit_of_the_system_stands_for_a_full_disk(tmp_path, content) -> None:
    import resource

    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)
    large = PairContent(noise, noise[..., 0] < 100)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    try:
        with pytest.raises(PairError, match="no room"):
            write_both_files(*paths(tmp_path / "letters"), large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert below(tmp_path) == []


DYING = """
import os, signal, sys
from pathlib import Path
import numpy as np
from docbin_napari.io import paths as io_paths
from docbin_napari.pairs import pair as pair_files
folder, at = Path(sys.argv[1]), int(sys.argv[2])
moves = []
real = io_paths._move_to_free_name
def move(temporary, path):
    moves.append(path)
    if len(moves) == at:
        os.kill(os.getpid(), signal.SIGKILL)
    real(temporary, path)
    if len(moves) == -at:
        os.kill(os.getpid(), signal.SIGKILL)
io_paths._move_to_free_name = move
ink = np.eye(40, dtype=bool)
pixels = np.repeat(np.where(ink, 20, 230).astype(np.uint8)[..., None], 3, axis=2)
content = pair_files.PairContent(pixels, ink)
pair_files.write_both_files(folder / "page.png", folder / "fg_mask" / "page.png", content)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(("at", "left"), [(1, []), (2, ["page.png"])])
def test_a_process_that_dies_leaves_no_mask_without_its_page(tmp_path, at, left) -> None:
    """Killed before the page appears, and between page and mask."""
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(tmp_path), str(at)], check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    seen = [name for name in below(tmp_path) if not name.split("/")[-1].startswith(".")]
    assert seen == ["fg_mask", *left]
    assert find_pairs(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(("at", "name"), [(-1, "page"), (-2, "another")])
def test_a_second_link_of_a_killed_process_goes_with_the_next_save(tmp_path, at, name) -> None:
    """Killed when the page is there, or its mask, and the hidden file has not gone yet."""
    place = PairPlace(tmp_path, "train", "letters", name)
    subprocess.run(
        [sys.executable, "-c", DYING, str(place.folder), str(at)], check=False, timeout=60
    )
    (hidden,) = (path for path in place.folder.rglob(".*") if path.stat().st_nlink == 2)
    ink = np.eye(40, dtype=bool)
    pixels = np.repeat(np.where(ink, 20, 230).astype(np.uint8)[..., None], 3, axis=2)
    for path in place.folder.rglob(".*"):
        os.utime(path, (1, 1))
    save_pair(place, PairContent(pixels, ink))
    assert not hidden.exists()
    assert [pair.name for pair in find_pairs(place.folder)] == sorted({"page", name})


def test_arrays_that_do_not_fit(one_stroke) -> None:
    with pytest.raises(ValueError, match="pixels"):
        PairContent(one_stroke.pixels[:-1], one_stroke.ink)
    with pytest.raises(ValueError, match="pixels"):
        PairContent(one_stroke.pixels / 255, one_stroke.ink)
