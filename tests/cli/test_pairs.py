import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from PIL import Image

from docbin_napari.cli import main
from docbin_napari.io.mask import write_mask


@pytest.mark.parametrize("command", ["check", "import", "list"])
def test_help_loads_nothing_heavy(command):
    code = (
        "import sys\n"
        "from docbin_napari.cli import main\n"
        f"try:\n    main(['pairs', '{command}', '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = 'torch numpy skimage scipy PIL tifffile napari tqdm'.split()\n"
        "sys.exit(' '.join(name for name in heavy if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: docbin pairs {command} ")
    assert "None" not in done.stdout
    assert "`" not in done.stdout


@pytest.mark.parametrize("arguments", [[], ["paint"], ["check"], ["import", "a"], ["list", "--x"]])
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["pairs", *arguments])
    assert exit_.value.code == 2
    assert capsys.readouterr().out == ""


class TestCheck:
    def test_nothing_to_mend(self, tmp_path, draw_page, capsys):
        write_mask(tmp_path / "fg_mask" / "a.png", draw_page(tmp_path / "a.png"))
        assert main(["pairs", "check", str(tmp_path)]) == 0
        assert capsys.readouterr().out == "1 pair checked: nothing to fix\n"

    def test_findings_are_one_line_each(self, collection, draw_page, capsys):
        draw_page(collection / "todo.png")
        write_mask(collection / "fg_mask" / "a.png", np.zeros((24, 32), bool))
        (collection / "b.png").write_bytes(b"")
        assert main(["pairs", "check", str(collection)]) == 1
        first, second, third, last = capsys.readouterr().out.splitlines()
        assert first.startswith(f"page without mask: {collection / 'todo.png'}: ")
        assert second.startswith(f"no ink: {collection / 'fg_mask' / 'a.png'}: ")
        assert third.startswith(f"unreadable: {collection / 'b.png'}: the file is empty; ")
        assert last == "2 pairs checked: 1 page without mask, 1 no ink, 1 unreadable"

    def test_nothing_to_check(self, tmp_path, capsys):
        (tmp_path / "empty" / "fg_mask").mkdir(parents=True)
        for folder in (tmp_path / "empty", tmp_path / "empty" / "fg_mask", tmp_path / "nothing"):
            assert main(["pairs", "check", str(folder)]) == 2
            captured = capsys.readouterr()
            assert captured.out == ""
            assert captured.err.startswith(f"docbin pairs: error: {folder}: ")


class TestList:
    def test_table(self, collection, draw_page, capsys):
        draw_page(collection / "todo.png")
        assert main(["pairs", "list", str(collection)]) == 0
        header, row = capsys.readouterr().out.splitlines()
        assert header == "collection  pages  without mask  Mpix    ink  labelled"
        assert row.split() == ["letters", "2", "1", "0.0", "9.4", "%", "100.0", "%"]

    def test_json_and_sum(self, collection, tmp_path, draw_page, capsys):
        write_mask(tmp_path / "maps/fg_mask/m.png", draw_page(tmp_path / "maps" / "m.png"))
        assert main(["pairs", "list", str(tmp_path), "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert [one["collection"] for one in printed["collections"]] == ["letters", "maps"]
        assert [one["pages"] for one in printed["collections"]] == [2, 1]
        assert printed["all"]["megapixels"] == 3 * 24 * 32 / 1e6
        assert printed["all"]["ink_share"] == 72 / (24 * 32)
        assert printed["all"]["labelled_share"] == 1.0
        assert main(["pairs", "list", str(tmp_path)]) == 0
        assert capsys.readouterr().out.splitlines()[-1].split()[:2] == ["all", "3"]

    def test_a_file_that_cannot_be_read(self, collection, capsys):
        (collection / "fg_mask" / "a.png").write_bytes(b"")
        assert main(["pairs", "list", str(collection)]) == 1
        captured = capsys.readouterr()
        assert captured.out.splitlines()[1].split()[1] == "1"
        assert "not counted: " in captured.err
        assert "a.png: the file is empty" in captured.err

    def test_the_folder_is_datasets_unless_it_is_said(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        assert main(["pairs", "list"]) == 2
        assert "datasets: there is no such folder" in capsys.readouterr().err


class TestImport:
    @pytest.fixture
    def archive(self, tmp_path, draw_page):
        """A zip file with two pairs, one of them reversed, a lonely page and a thief."""
        ink = draw_page(tmp_path / "raw" / "1.bmp")
        draw_page(tmp_path / "raw" / "2.bmp", 9)
        for name, gray in (("1_gt", ~ink * 255), ("2_gt", np.roll(ink, 4, axis=0) * 255)):
            Image.fromarray(gray.astype(np.uint8)).save(tmp_path / "raw" / f"{name}.bmp")
        with zipfile.ZipFile(tmp_path / "DIBCO.zip", "w") as archive:
            for name in ("1", "2"):
                archive.write(tmp_path / "raw" / f"{name}.bmp", f"set/imgs/{name}.bmp")
                archive.write(tmp_path / "raw" / f"{name}_gt.bmp", f"set/gt_img/{name}_gt.bmp")
            archive.write(tmp_path / "raw" / "1.bmp", "set/imgs/lonely.bmp")
            archive.writestr("../../thief.png", b"x")
        return tmp_path / "DIBCO.zip"

    def test_dry_run_shows_the_table(self, archive, tmp_path, capsys):
        target = tmp_path / "pairs"
        assert main(["pairs", "import", str(archive), str(target), "--dry-run"]) == 1
        captured = capsys.readouterr()
        header, first, second, last = captured.out.splitlines()
        assert header.split() == ["page", "mask", "becomes", "remarks"]
        assert first.split() == ["set/imgs/1.bmp", "set/gt_img/1_gt.bmp", "DIBCO/1.bmp"]
        assert "look exchanged: 91 % of the labelled pixels are ink" in second
        assert last == f"{target / 'DIBCO'}: 2 would be imported"
        refused, alone, suspect = captured.err.splitlines()
        assert refused.startswith("../../thief.png: refused: ")
        assert alone == "not matched: set/imgs/lonely.bmp: a page without a mask"
        assert suspect.startswith("1 mask looks as if")
        assert suspect.endswith("import again with --reversed-ink")
        assert not target.exists()
        assert not (tmp_path.parent / "thief.png").exists()

    def test_import_check_and_list(self, archive, tmp_path, capsys):
        target = tmp_path / "pairs"
        words = ["--collection", "mine", "--reversed-ink"]
        assert main(["pairs", "import", str(archive), str(target), *words]) == 1
        printed = capsys.readouterr()
        assert "inverted" in printed.out
        assert "as if ink" not in printed.err
        names = sorted(str(path.relative_to(target)) for path in target.rglob("*.*"))
        assert [name.replace("\\", "/") for name in names] == [
            *("mine/1.bmp", "mine/2.bmp", "mine/fg_mask/1.png", "mine/fg_mask/2.png")
        ]
        main(["pairs", "check", str(target)])
        assert "reversed" not in capsys.readouterr().out

    def test_all_well(self, collection, tmp_path, capsys):
        target = tmp_path / "pairs"
        (collection / "auto_bin" / "a.png").unlink()
        (collection / "auto_bin" / "b.png").unlink()
        assert main(["pairs", "import", str(collection), str(target)]) == 0
        assert capsys.readouterr().out.splitlines()[-1].endswith("2 imported")
        assert main(["pairs", "import", str(collection), str(target)]) == 0
        assert capsys.readouterr().out.splitlines()[-1].endswith("2 already there")

    def test_what_cannot_be_done(self, collection, archive, tmp_path, capsys):
        (tmp_path / "empty").mkdir()
        (tmp_path / "a.txt").write_text("no zip")
        wrong = {
            ("nothing.zip", "t"): "no such file or folder",
            ("a.txt", "t"): "neither a folder nor a whole zip file",
            ("empty", "t"): "no mask has a page here",
            ("DIBCO.zip", "a.txt"): "this is a file",
            ("DIBCO.zip", "letters"): "--collection letters",
            ("DIBCO.zip", "t", "--collection", "a/b"): "--collection: 'a/b' cannot be",
        }
        for (source, target, *words), message in wrong.items():
            arguments = [str(tmp_path / source), str(tmp_path / target), *words]
            assert main(["pairs", "import", *arguments]) == 2
            assert message in capsys.readouterr().err
            assert not (tmp_path / "t").exists()
