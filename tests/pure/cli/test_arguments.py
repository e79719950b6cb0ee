"""Arguments: usage errors are one line with what was perhaps meant, help tells of everything."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

import glnn
from glnn import image
from glnn.cli import arguments, main, options


def usage(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """What is said of wrong arguments."""
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    return err


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ("fly", "no command 'fly'; there are predict, summary"),
        ("predct m x", r"no command 'predct' (did you mean predict?)"),
        ("export_web m x", "(did you mean export-web?)"),
        ("--versio", "no option --versio (did you mean --version?)"),
        ("-v", "-v"),
        ("predict", "required: MODEL, INPUT"),
        ("predict m x --labls y", "no option --labls (did you mean --labels or --levels?)"),
        ("predict m --lab=y", "no option --lab"),
        ("predict m x -z", "no option -z"),
        ("predict m x --top 0", "'0' is not a whole number of at least 1"),
        ("predict m x --top 1.5", "'1.5' is not"),
        ("predict m x --scale 2", "'2' is none of raw, unit, signed"),
        ("predict m x --scale signd", "(did you mean signed?)"),
        ("predict m x --top 2 y", "y is too much; write files one after another"),
        ("predict m x --save y.npz", "--save is now --output"),
        ("predict m x.npy --key a", "--key names an array of an .npz; there is none among the inputs"),
        ("quantize m o.glnn --codec uint7", "(did you mean uint8 or uint4?)"),
        ("quantize m o.glnn --weights uint8", "uint8 is a codec, now --codec uint8; --weights names a file"),
        ("quantize m o.glnn --weights-file w", "--weights-file is now --weights"),
        ("quantize m o.glnn --codec auto", "--codec auto measures how far the output drifts: give inputs with --calib"),
        ("quantize m o.glnn --activations uint8", "give them with --calibrate"),
        ("quantize m o.glnn --max-drift 0.1", "--max-drift is for --codec auto"),
        ("quantize m o.glnn --max-drift nan", "'nan' is not a number above 0"),
        ("quantize m o.glnn --key a", "--key is for the inputs of --calibrate"),
        ("export-web m o --input-shape 8,x", "is not a whole number"),
        ("serve o --port x", "--port"),
        ("help predct", "(did you mean predict?)"),
    ],
)
def test_wrong_usage_is_one_line(capsys: pytest.CaptureFixture[str], argv: str, words: str) -> None:
    err = usage(capsys, *argv.split())
    assert words in err and len(err.splitlines()) == 1 and re.match(r"glnn( [a-z-]+)?: .*See: glnn", err)


def test_no_argument_shows_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    err = usage(capsys)
    assert err.startswith("usage: glnn ") and "export-web  write a model" in err


def test_a_weights_file_may_be_called_as_a_codec() -> None:
    assert arguments.parse(["quantize", "m", "o.glnn", "--weights", "./uint8"]).weights.name == "uint8"


def test_weights_means_the_same_everywhere() -> None:
    _, commands = arguments.parsers()
    for name in ("predict", "summary", "quantize", "export-web"):
        assert (
            arguments.parse([name, "m", *(["x"] if name != "summary" else []), "--weights", "w.h5"]).weights.name
            == "w.h5"
        )
        assert "--weights FILE" in commands[name].format_help()


@pytest.mark.parametrize("topic", [name for name in arguments.COMMANDS if name != "help"])
def test_help_of_a_command(capsys: pytest.CaptureFixture[str], topic: str) -> None:
    assert main(["help", topic]) == 0
    out = capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main([topic, "--help"])
    assert stop.value.code == 0 and capsys.readouterr().out == out
    assert out.startswith(f"usage: glnn {topic} ")


def test_choices_are_those_of_images() -> None:
    assert set(options.SCALES) == set(image.SCALES)
    assert (options.FITS, options.FILTERS) == (tuple(image.FITS), tuple(image.FILTERS))


def test_help_is_fast_since_it_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'h5py', 'moderngl', 'rich', 'PIL', 'http.server'}"
    code = f"import sys; from glnn.cli import main; main(['help']); print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.endswith("interrupted.\n\n")


def test_examples_of_the_help_are_right() -> None:
    lines = [line for text in arguments.EXAMPLES.values() for line in text.splitlines()]
    for line in lines:
        for part in line.split(" && "):
            program, *argv = re.sub(r" > \S+$", "", part).split()
            assert program == "glnn" and arguments.parse(argv).command == argv[0]


@pytest.mark.parametrize(
    ("argv", "first"), [(["--help"], "usage: glnn [-h]"), (["--version"], f"glnn {glnn.__version__}")]
)
def test_python_m_glnn_is_the_command(argv: list[str], first: str) -> None:
    done = subprocess.run([sys.executable, "-m", "glnn", *argv], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.startswith(first) and done.stderr == ""
