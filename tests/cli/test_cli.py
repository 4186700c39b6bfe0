import errno
import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import docbin_napari
from docbin_napari.cli import COMMANDS, in_words, main


def python(*arguments, **variables):
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_program_is_this_function():
    scripts = {script.name: script for script in entry_points(group="console_scripts")}
    if "docbin" not in scripts:
        pytest.skip("the package is not installed")
    assert scripts["docbin"].load() is main


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"{docbin_napari.__version__}\n"


def test_running_the_package_is_the_same():
    assert python("-m", "docbin_napari", "--version").stdout.strip() == docbin_napari.__version__


@pytest.mark.parametrize("command", [[], *([command] for command in COMMANDS)])
def test_help(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([*command, "--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: {' '.join(['docbin', *command])} ")
    assert "None" not in text
    assert "`" not in text


@pytest.mark.parametrize("arguments", [[], ["paint"], ["models", "--sideways"], ["evaluate", "a"]])
def test_wrong_usage_is_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "docbin" in captured.err


@pytest.mark.parametrize("command", [[], ["binarize"], ["train"], ["finetune"]])
def test_help_loads_nothing_heavy(command):
    """So it stays under half a second; time itself cannot be tested on a busy machine."""
    code = (
        "import sys\n"
        "from docbin_napari.cli import main\n"
        f"try:\n    main([*{command!r}, '--help'])\nexcept SystemExit:\n    pass\n"
        "heavy = 'torch numpy skimage scipy PIL tifffile napari tqdm pydantic'.split()\n"
        "sys.exit(' '.join(name for name in heavy if name in sys.modules) or 0)"
    )
    finished = python("-c", code)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs the processor time of a child")
def test_help_takes_less_than_half_a_second_of_processor_time():
    process = subprocess.Popen(
        [sys.executable, "-m", "docbin_napari", "--help"], stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    assert usage.ru_utime + usage.ru_stime < 0.5


def test_a_character_that_the_output_cannot_show_is_no_crash():
    finished = python("-m", "docbin_napari", "--help", PYTHONIOENCODING="ascii")
    assert finished.returncode == 0
    assert "binarize" in finished.stdout


def test_an_interrupt_is_one_word(monkeypatch, capsys):
    def interrupted(self, console):
        raise KeyboardInterrupt

    monkeypatch.setattr("docbin_napari.cli.models.ModelsCommand.run", interrupted)
    assert main(["models"]) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_a_reader_that_has_seen_enough_is_no_crash():
    code = (
        "import sys\n"
        "from docbin_napari.cli import main\n"
        "from docbin_napari.cli.models import ModelsCommand\n"
        "def run(self, console):\n"
        "    for _ in range(100_000):\n        console.say('line')\n"
        "    return 0\n"
        "ModelsCommand.run = run\n"
        "sys.exit(main(['models']))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


@pytest.mark.parametrize("command", [[], ["binarize"]])
def test_a_help_text_that_nobody_reads_is_no_crash(command):
    reading, writing = os.pipe()
    os.close(reading)
    finished = subprocess.run(
        [sys.executable, "-m", "docbin_napari", *command, "--help"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (finished.returncode, finished.stderr) == (1, b"")


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="needs a device without space")
def test_an_output_without_space_is_one_line():
    with FULL.open("w") as full:
        finished = subprocess.run(
            [sys.executable, "-m", "docbin_napari", "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert finished.returncode == 1
    assert finished.stderr == "error: the output cannot be written: No space left on device\n"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (OSError(errno.EACCES, "Permission denied", "a\nb"), "a\\nb: Permission denied"),
    ],
)
def test_an_error_of_the_system_names_its_file_where_there_is_one(error, words):
    assert in_words(error) == words


def test_a_value_may_end_like_an_empty_one(capsys):
    assert main(["binarize", "nowhere.pdf", "--password=c2VjcmV0=", "--model", "nosuch"]) == 2
    assert "there is no model 'nosuch'" in capsys.readouterr().err
    assert main(["binarize", "nowhere.pdf", "--password="]) == 2
    assert "an argument is empty" in capsys.readouterr().err
