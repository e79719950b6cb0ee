"""Shells complete commands, options, names that options take, and files: asked of a real shell where there is one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from glnn.cli import main
from glnn.cli.arguments import COMMANDS, parsers
from glnn.cli.completion import SHELLS

pytest.importorskip("shtab")


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_and_option_is_there(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    made = capsys.readouterr().out
    options = {o for p in parsers()[1].values() for a in p._actions for o in a.option_strings if o.startswith("--")}
    names = [*COMMANDS, *options]
    assert [name for name in names if name.removeprefix("--" if shell == "fish" else "") not in made] == []
    if path := shutil.which(shell):
        subprocess.run([path, "-n"], input=made, text=True, check=True, timeout=30)


ASK = """
eval "$("$1" -m glnn completion bash)"
COMP_WORDS=({words}) COMP_CWORD={count}
_shtab_glnn 2>/dev/null
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.mark.skipif(not shutil.which("bash"), reason="no bash here")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("glnn qu", {"quantize"}),
        ("glnn predict --sc", {"--scale"}),
        ("glnn quantize --codec u", {"uint16", "uint8", "uint4"}),
        ("glnn completion z", {"zsh"}),
        ("glnn predict mod", {"model.h5"}),
    ],
)
def test_bash_completes(words: str, expected: set[str], tmp_path: Path) -> None:
    (tmp_path / "model.h5").touch()
    text = ASK.format(words=words, count=len(words.split()) - 1)
    done = subprocess.run(["bash", "-c", text, "bash", sys.executable], cwd=tmp_path, capture_output=True, text=True)
    assert {word.strip() for word in done.stdout.split()} == expected, done.stderr


def test_without_shtab_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 1
    assert "pip install 'glnn[cli]'" in capsys.readouterr().err
