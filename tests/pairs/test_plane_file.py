import errno
import os
import zipfile

import numpy as np
import pytest

from docbin_napari.io.errors import DraftError
from docbin_napari.pairs import drafts
from docbin_napari.pairs.drafts import read_planes, write_planes


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64, bool])
def test_arrays_come_back(tmp_path, dtype) -> None:
    plane = np.random.default_rng(0).integers(0, 2, (31, 17)).astype(dtype)
    path = write_planes(tmp_path / "new" / "a.draft", {"x": 1}, {"a": plane, "b": plane[:3]})
    header, planes = read_planes(path)
    assert header == {"x": 1}
    assert read_planes(path, only_header=True) == (header, {})
    assert planes["a"].dtype == dtype
    assert np.array_equal(planes["a"], plane)
    assert np.array_equal(planes["b"], plane[:3])
    planes["a"][0] = 0


def test_views_and_large_pages_in_bands(tmp_path) -> None:
    plane = np.random.default_rng(0).integers(0, 3, (3000, 2000)).astype(np.uint8)
    path = write_planes(tmp_path / "a.draft", {}, {"a": plane[::2, ::-1]})
    assert np.array_equal(read_planes(path)[1]["a"], plane[::2, ::-1])


def test_labels_are_small_on_the_disk(tmp_path) -> None:
    plane = np.zeros((1000, 1000), np.uint8)
    plane[100:120, 50:900] = 1
    assert write_planes(tmp_path / "a.draft", {}, {"a": plane}).stat().st_size < 10_000


@pytest.mark.parametrize("cut", [0, 10, 100, -30, -1])
def test_a_damaged_file_is_told(tmp_path, cut) -> None:
    path = write_planes(tmp_path / "a.draft", {}, {"a": np.eye(50)})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DraftError, match="damaged"):
        read_planes(path)


def test_a_changed_byte_is_noticed(tmp_path) -> None:
    plane = np.random.default_rng(0).integers(0, 255, (50, 50)).astype(np.uint8)
    path = write_planes(tmp_path / "a.draft", {}, {"a": plane})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DraftError, match="damaged"):
        read_planes(path)


def test_no_file(tmp_path) -> None:
    with pytest.raises(DraftError, match="no such file"):
        read_planes(tmp_path / "a.draft")


def test_a_full_disk_leaves_the_file_before(tmp_path, monkeypatch) -> None:
    path = write_planes(tmp_path / "a.draft", {"number": 1}, {"a": np.eye(3)})

    def full(_) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(drafts, "to_disk", full)
    with pytest.raises(DraftError, match="no room"):
        write_planes(path, {"number": 2}, {"a": np.eye(3)})
    assert read_planes(path)[0] == {"number": 1}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("header", "packing"),
    [
        (b'{"planes": {"ink": []}}', zipfile.ZIP_DEFLATED),
        (b'{"planes": {"ink": ["<f4"]}}', zipfile.ZIP_DEFLATED),
        (b'{"planes": {"ink": ["<f4", 2, 2, 2]}}', zipfile.ZIP_DEFLATED),
        (b'{"planes": {"ink": ["<f4", -3, 2]}}', zipfile.ZIP_DEFLATED),
        (b'{"planes": {"ink": ["<f4", 1e999, 2]}}', zipfile.ZIP_DEFLATED),
        (b'{"planes": {"ink": ["|u1", 1000000000000000, 0]}}', zipfile.ZIP_DEFLATED),
        (b'{"planes": {"ink": ["|V1000000000", 1000, 1000]}}', zipfile.ZIP_DEFLATED),
        (b'{"planes": {"ink": ["no type", 2, 2]}}', zipfile.ZIP_DEFLATED),
        (b'{"planes": 5}', zipfile.ZIP_DEFLATED),
        (b"[" * 200_000, zipfile.ZIP_DEFLATED),
        (b" " * (1 << 25), zipfile.ZIP_DEFLATED),
        (b'{"planes": {}}', zipfile.ZIP_LZMA),
        (b'{"planes": {}}', zipfile.ZIP_BZIP2),
    ],
)
def test_crafted_files_are_damaged_files(tmp_path, header, packing):
    path = tmp_path / "page.draft"
    with zipfile.ZipFile(path, "w", packing) as packed:
        packed.writestr(drafts._HEADER, header)
        packed.writestr("ink", b"\0" * 16)
    with pytest.raises(DraftError):
        drafts.read_planes(path)
