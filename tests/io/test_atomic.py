import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from docbin_napari.io import paths
from docbin_napari.io.paths import atomic_path, writing_trouble


def test_file_appears_at_the_end_only(tmp_path):
    path = tmp_path / "page.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
        assert temporary.parent == tmp_path
        assert temporary.suffix == ".txt"
        assert temporary.name.startswith(".")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_failure_leaves_nothing(tmp_path):
    with pytest.raises(KeyboardInterrupt), atomic_path(tmp_path / "page.txt"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("links", [True, False])
def test_existing_file_is_kept_if_asked(tmp_path, monkeypatch, links):
    """With hard links and on file systems that have none."""

    def no_links(self, target):
        raise OSError(errno.EPERM, "no links here")

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", no_links)
    path = tmp_path / "page.txt"
    for text in ("first", "second"):
        try:
            with atomic_path(path, overwrite=False) as temporary:
                temporary.write_text(text)
        except FileExistsError:
            assert text == "second"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("stem", ["n" * 250, "文" * 80, "a" + "😀" * 60], ids="n文😀")
def test_very_long_name(tmp_path, stem):
    path = tmp_path / f"{stem}.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.EACCES, "may not be written to"),
        (errno.EROFS, "may not be written to"),
        (errno.ENOSPC, "no room"),
        (errno.EISDIR, "a folder of this name"),
        (errno.ENOTDIR, "a file stands"),
        (errno.EIO, "strange trouble"),
    ],
)
def test_every_reason_says_what_to_do(code, says):
    reason = writing_trouble(OSError(code, "strange trouble"))
    assert says in reason
    assert "choose" in reason


def test_leftovers_of_a_killed_run_are_removed_by_the_next(tmp_path):
    program = (
        "import os, sys; from pathlib import Path\n"
        "from docbin_napari.io.paths import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])): os._exit(9)"
    )
    path = tmp_path / "page 1 [b].png"
    assert subprocess.run([sys.executable, "-c", program, path], check=False).returncode == 9
    (left,) = tmp_path.iterdir()
    past = time.time() - 100
    os.utime(left, (past, past))
    twice = tmp_path / "..page 1 [b]-0123456789ab-0123456789ab.png"
    twice.touch()
    os.utime(twice, (past, past))
    (tmp_path / ".page 1 [b]-0123.png").touch()
    (tmp_path / ".other-0123456789ab.png").touch()
    paths._hidden_in.cache_clear()
    with atomic_path(path) as temporary:
        temporary.write_text("ink")
    names = sorted(entry.name for entry in tmp_path.iterdir())
    assert names == [".other-0123456789ab.png", ".page 1 [b]-0123.png", "page 1 [b].png"]


@pytest.mark.skipif(paths.fcntl is None, reason="files are not locked here")
def test_leftovers_of_other_files_are_removed_in_a_folder_of_our_own(tmp_path):
    past = time.time() - 100
    for name in (".other-0123456789ab.png", ".hidden.png"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (past, past))
    paths._hidden_in.cache_clear()
    with atomic_path(tmp_path / "page.png", own_folder=True):
        pass
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".hidden.png", "page.png"]


@pytest.mark.skipif(paths.fcntl is None, reason="files are not locked here")
def test_what_another_still_writes_is_left(tmp_path):
    path = tmp_path / "page.png"
    with atomic_path(path) as first:
        past = time.time() - 100
        os.utime(first, (past, past))
        paths._hidden_in.cache_clear()
        with atomic_path(path) as second:
            second.write_text("second")
        assert first.exists()
    assert path.read_text() == ""
