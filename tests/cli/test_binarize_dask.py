"""``docbin binarize --dask``: what is said, and a cluster that the command starts itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from docbin_napari.cli import main
from docbin_napari.io.mask import read_ground_truth

LOADED = "import sys; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


def loaded_by(*arguments: str) -> set[str]:
    """Top-level modules that are loaded when the command ends."""
    code = (
        "from docbin_napari.cli import main\n"
        f"try:\n    main({list(arguments)!r})\nexcept SystemExit:\n    pass\n{LOADED}"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["binarize", "--help"]])
def test_help_loads_no_dask(arguments):
    loaded = loaded_by(*arguments)
    assert "tyro" in loaded
    assert not loaded & {"dask", "distributed", "torch", "numpy"}


def test_where_all_is_done_neither_dask_nor_torch_is_loaded(tmp_path, draw_page):
    draw_page(tmp_path / "a.png")
    draw_page(tmp_path / "auto_bin" / "a.png")
    loaded = loaded_by("binarize", str(tmp_path), "--dask", "tcp://127.0.0.1:1")
    assert "numpy" in loaded
    assert not loaded & {"dask", "distributed", "torch"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--workers", "2"], "--workers goes with --dask local"),
        (["--dask", "tcp://a:1", "--workers", "2"], "--workers goes with --dask local only"),
        (["--dask", "local", "--workers", "0"], "--workers must be at least 1, not 0"),
        (["--dask", " "], '--dask must be the address of a scheduler, or "local"'),
        (["--dask", "local", "--model", "nonesuch"], "--model nonesuch: there is no model"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, draw_page, capsys, options, message):
    draw_page(tmp_path / "a.png")
    assert main(["binarize", str(tmp_path), *options]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"docbin binarize: error: {message}")
    assert captured.out == ""


def test_without_dask_the_message_says_what_to_install(tmp_path, draw_page, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    draw_page(tmp_path / "a.png")
    assert main(["binarize", str(tmp_path), "--dask", "local"]) == 2
    assert 'pip install "docbin-napari[cluster]"' in capsys.readouterr().err


class TestWithDask:
    """What needs the real library."""

    @pytest.fixture(autouse=True)
    def dask(self):
        pytest.importorskip(
            "distributed", reason="Dask is not installed: pip install 'docbin-napari[cluster]'"
        )

    @pytest.mark.parametrize(
        ("address", "words"),
        [
            ("tcp://127.0.0.1:1", "Timed out trying to connect to tcp://127.0.0.1:1"),
            ("node1", "missing port number in address 'node1'"),
            ("http://node1:8786", "unknown address scheme 'http'"),
        ],
    )
    def test_an_address_where_no_scheduler_is(
        self, tmp_path, draw_page, capsys, monkeypatch, address, words
    ):
        monkeypatch.setattr("docbin_napari.batch.dask_client._CONNECT_SECONDS", 1)
        draw_page(tmp_path / "a.png")
        assert main(["binarize", str(tmp_path), "--dask", address]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"docbin binarize: error: --dask {address}: no Dask scheduler")
        assert words in line

    def test_a_cluster_on_this_machine(self, tmp_path, draw_page, tiny_model_file, capfd):
        """In this process and its children, nothing is printed but what belongs there."""
        ink = draw_page(tmp_path / "a.png")
        draw_page(tmp_path / "b.png")
        (tmp_path / "bad.png").write_bytes(b"this is no picture")
        options = ["--dask", "local", "--workers", "1", "--model", str(tiny_model_file)]
        assert main(["binarize", str(tmp_path), *options, "--device", "cpu"]) == 1
        captured = capfd.readouterr()
        dashboard, *written, summary = captured.out.splitlines()
        assert dashboard.startswith("Dask dashboard: http://127.0.0.1:")
        folder = tmp_path / "auto_bin"
        assert sorted(written) == [f"written: {folder / name}" for name in ("a.png", "b.png")]
        assert summary == "2 written, 0 skipped, 1 failed"
        (failed,) = captured.err.splitlines()
        assert failed.startswith(f"failed: {tmp_path / 'bad.png'}: ")
        assert read_ground_truth(folder / "a.png").ink.shape == ink.shape
