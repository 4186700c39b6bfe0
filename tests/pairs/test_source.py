import errno
import re
import stat
import zipfile
from pathlib import PurePosixPath

import pytest

from docbin_napari.io.errors import PageError, PairError
from docbin_napari.pairs import source as pair_source
from docbin_napari.pairs.source import open_source


def zipped(path, entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def names(source):
    return [str(name) for name in source.images]


def refused(source):
    return dict(source.refused)


def test_folder_with_folders_inside(tmp_path):
    for name in ("set/10.bmp", "set/2.TIF", "GT/a.jpg", ".x.png", "notes.txt", "a.pdf", "b.zip"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    with open_source(tmp_path) as source:
        assert names(source) == ["GT/a.jpg", "set/2.TIF", "set/10.bmp"]
        assert list(refused(source)) == ["b.zip"]
        with source.file(source.images[0]) as file:
            assert file == tmp_path / "GT" / "a.jpg"
    assert (tmp_path / "GT" / "a.jpg").exists()


def test_target_inside_the_source_is_passed_over(tmp_path):
    for name in ("a.png", "pairs/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with open_source(tmp_path, apart_from=tmp_path / "pairs") as source:
        assert names(source) == ["a.png"]


def test_links_to_folders_are_not_followed(tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.png").touch()
    (tmp_path / "set").mkdir()
    try:
        (tmp_path / "set" / "link").symlink_to(tmp_path / "other")
    except OSError:
        pytest.skip("links cannot be made here")
    with open_source(tmp_path / "set") as source:
        assert names(source) == []
        assert "not followed" in refused(source)["link"]


def test_zip_with_folders_inside(tmp_path):
    path = zipped(tmp_path / "set.zip", {"s/": b"", "s/2.bmp": b"two", "__MACOSX/._2.bmp": b"x"})
    with open_source(path) as source:
        assert (names(source), refused(source)) == (["s/2.bmp"], {})
        with source.file(source.images[0]) as file:
            assert file.read_bytes() == b"two"
            assert tmp_path not in file.parents
        assert not file.exists()
    assert not file.parent.exists()
    assert [entry.name for entry in tmp_path.iterdir()] == ["set.zip"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../evil.png", r"with \.\."),
        ("a/../../evil.png", r"with \.\."),
        ("a\\..\\..\\evil.png", r"with \.\."),
        ("/etc/evil.png", "absolute"),
        ("C:/evil.png", "absolute"),
        ("c:evil.png", "absolute"),
        ("\\\\server\\evil.png", "absolute"),
    ],
)
def test_paths_that_leave_the_target_are_refused(tmp_path, name, reason):
    path = zipped(tmp_path / "set.zip", {name: b"evil", "good.png": b"good"})
    with open_source(path) as source:
        assert names(source) == ["good.png"]
        ((_, why),) = source.refused
        assert re.search(reason, why)


@pytest.mark.parametrize(
    ("kind", "reason"), [(stat.S_IFLNK, "link"), (stat.S_IFIFO, "neither a file")]
)
def test_links_and_devices_are_refused(tmp_path, kind, reason):
    entry = zipfile.ZipInfo("link.png")
    entry.external_attr = (kind | 0o777) << 16
    path = zipped(tmp_path / "set.zip", {entry: b"/etc/passwd"})
    with open_source(path) as source:
        assert names(source) == []
        assert reason in refused(source)["link.png"]


def test_a_file_over_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(pair_source, "FILE_LIMIT", 1000)
    path = zipped(tmp_path / "set.zip", {"bomb.png": bytes(1001), "good.png": bytes(1000)})
    with open_source(path) as source:
        assert names(source) == ["good.png"]
        assert "unpacked, more than" in refused(source)["bomb.png"]


def test_a_zip_over_the_limits_is_refused(tmp_path, monkeypatch):
    path = zipped(tmp_path / "set.zip", {f"{number}.png": bytes(400) for number in range(3)})
    with monkeypatch.context() as patch, pytest.raises(PairError, match="unpacked, more than"):
        patch.setattr(pair_source, "TOTAL_LIMIT", 1000)
        open_source(path).__enter__()
    with monkeypatch.context() as patch, pytest.raises(PairError, match="3 entries"):
        patch.setattr(pair_source, "ENTRY_LIMIT", 2)
        open_source(path).__enter__()


def test_a_size_that_lies_unpacks_no_more_than_it_says(tmp_path):
    """The directory says ten bytes, the data are a million."""
    path = zipped(tmp_path / "set.zip", {"bomb.png": bytes(1_000_000)})
    content = path.read_bytes().replace((1_000_000).to_bytes(4, "little"), b"\x0a\0\0\0")
    path.write_bytes(content)
    with (
        open_source(path) as source,
        pytest.raises(PageError, match=r"bomb\.png: it cannot be unpacked"),
        source.file(source.images[0]),
    ):
        pytest.fail("it was unpacked")


def test_encrypted_entries_are_refused(tmp_path):
    path = zipped(tmp_path / "set.zip", {"a.png": b"secret"}, zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))
    with open_source(path) as source:
        assert names(source) == []
        assert "encrypted" in refused(source)["a.png"]


def test_the_same_name_twice(tmp_path):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("s/a.png", b"1")
        archive.writestr("s\\a.png", b"2")
    with open_source(path) as source:
        assert names(source) == ["s/a.png"]
        assert source.refused == [("s\\a.png", "the zip file holds this name twice")]


@pytest.mark.parametrize(
    "compression",
    [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA],
)
def test_damaged_entry_is_named(tmp_path, compression):
    path = zipped(tmp_path / "set.zip", {"a.png": bytes(range(256)) * 9}, compression)
    content = bytearray(path.read_bytes())
    start = 30 + len("a.png") + 12
    content[start : start + 40] = bytes(byte ^ 0x55 for byte in content[start : start + 40])
    path.write_bytes(bytes(content))
    with (
        open_source(path) as source,
        pytest.raises(PageError, match=r"set\.zip.a\.png: it cannot be unpacked"),
        source.file(source.images[0]),
    ):
        pytest.fail("it was unpacked")


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = zipped(tmp_path / "set.zip", {"a.png": b"content"})
    monkeypatch.setattr(pair_source.shutil, "copyfileobj", full)
    with (
        open_source(path) as source,
        pytest.raises(PageError, match="no room on the disk"),
        source.file(source.images[0]),
    ):
        pytest.fail("it was unpacked")


def test_errors_about_the_temporary_file_name_the_entry(tmp_path):
    path = zipped(tmp_path / "set.zip", {"a.png": b"content"})
    with (
        open_source(path) as source,
        pytest.raises(PageError, match=r"set\.zip.a\.png: bad"),
        source.file(PurePosixPath("a.png")) as file,
    ):
        raise PageError(file, "bad")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut off"])
def test_files_that_are_no_zip(tmp_path, content):
    (tmp_path / "set.zip").write_bytes(content)
    with pytest.raises(PairError, match="neither a folder nor a whole zip file"):
        open_source(tmp_path / "set.zip").__enter__()


def test_nothing_there(tmp_path):
    with pytest.raises(PairError, match="no such file or folder"):
        open_source(tmp_path / "nothing.zip").__enter__()
