"""What of a page's blocks can be judged without running them: shell lines, CI files, Dockerfiles, JavaScript, JSON.

`faults(block)` tells what is wrong with a block, in words; `pages.py` runs what can be run.
"""

from __future__ import annotations

import ast
import contextlib
import io
import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from .pages import Block

ROOT = Path(__file__).parent.parent.parent
# Requirements of readers' own that are no requirement of glnn; packages of Debian that only pages name.
PACKAGES = {"glnn", "jupyterlab", "onnxscript", "torch", "pip"}
SCRIPTS = {"my_script.py"}  # readers' own
PLAIN = {"cd", "eval", "cp", "mkdir", "rm", "docker", ".", "npm"}  # which nothing of glnn's can make wrong
INSTRUCTIONS = {"FROM", "RUN", "COPY", "ADD", "ENV", "WORKDIR", "USER", "CMD", "ENTRYPOINT", "EXPOSE", "VOLUME", "ARG"}


@cache
def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


# ---- shell


def shell(lines: str) -> Iterator[str]:
    """What is wrong with lines of a shell."""
    for line in lines.replace("\\\n", " ").splitlines():
        try:
            lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
            lexer.whitespace_split = True
            words = list(lexer)
        except ValueError as error:
            yield f"{line}: {error}"
            continue
        while words:
            end = next((i for i, word in enumerate(words) if set(word) <= set("&|;<>")), len(words))
            yield from command(words[:end])
            # What stands behind < or > is a file.
            words = words[end + 1 + any(c in "".join(words[end : end + 1]) for c in "<>") :]


def command(words: list[str]) -> Iterator[str]:
    """What is wrong with one command."""
    while words and (words[0] == "sudo" or re.match(r"\w+=", words[0])):
        name = words.pop(0).partition("=")[0]
        if name.startswith("GLNN_") and f"`{name}`" not in text("docs/environment.md"):
            yield f"no variable {name}"
    if words and words[0] not in PLAIN:
        check = COMMANDS.get(words[0].rpartition("/")[2])
        yield from check(words[1:]) if check else [f"{words[0]}: a command that the checks do not know"]


def glnn(words: Sequence[str]) -> Iterator[str]:
    from glnn.cli.arguments import parse

    told = io.StringIO()
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        try:
            parse(words)
        except SystemExit as end:
            if end.code:
                yield f"glnn {' '.join(words)}: {told.getvalue().strip()}"


def make(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        name, equals, _ = word.partition("=")
        known = rf"(?m)^{name}:" if not equals else rf"\b{name} \?=|\$\({name}\)"
        if not re.search(known, text("Makefile")):
            yield f"make {word}: no such {'variable' if equals else 'target'}"


def pip(words: Sequence[str]) -> Iterator[str]:
    if words[:1] not in (["install"], ["wheel"]):
        yield f"pip {' '.join(words)}: install or wheel is checked"
    project = text("pyproject.toml")
    for word in words[1:]:
        match = re.fullmatch(r"(?:\./|)([\w.*-]+?)(?:\.whl)?(?:\[([\w,]+)\])?(?:[=<>]=.+)?", word)
        if word.startswith("-") or word in (".", "dist"):
            continue
        if not match:
            yield f"pip install {word}: no requirement"
            continue
        for extra in filter(None, (match[2] or "").split(",")):
            if not re.search(rf"(?m)^{extra} = \[", project):
                yield f"pip install {word}: no extra {extra}"
        if match[1] not in PACKAGES | {"."} and not match[1].startswith("glnn-") and f'"{match[1]}' not in project:
            yield f"pip install {word}: no requirement of glnn's, and not in PACKAGES of {__name__}"


def python(words: Sequence[str]) -> Iterator[str]:
    if words[:1] == ["-m"]:
        module = {"pip": pip, "pytest": pytest_, "venv": lambda _: iter(()), "glnn": glnn}.get(words[1])
        yield from module(words[2:]) if module else [f"python -m {words[1]}: not known to the checks"]
    elif words and words[0] not in SCRIPTS:
        yield from script(words)


def script(words: Sequence[str]) -> Iterator[str]:
    """A script of the repository, and options that its folder's sources know."""
    path = ROOT / words[0]
    if not path.is_file():
        yield f"python {words[0]}: no such file"
        return
    sources = "".join(file.read_text(encoding="utf-8") for file in path.parent.glob("*.py"))
    yield from (f"{words[0]} has no {word}" for word in words[1:] if word[:2] == "--" and f'"{word}"' not in sources)


def pytest_(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if word.startswith("--glnn-") and f'"{word.partition("=")[0]}"' not in text("glnn/testing/plugin.py"):
            yield f"pytest has no {word}"
        if word.startswith("tests") and not (ROOT / word.partition("::")[0]).exists():
            yield f"pytest {word}: no such path"


def packages(words: Sequence[str]) -> Iterator[str]:
    """Packages of a system: those that set-up and messages of errors name."""
    known = text("scripts/setup.sh") + text("glnn/device/context.py")
    if words[0] == "install":
        yield from (
            f"no package {w}" for w in words[1:] if w[0] != "-" and not re.search(rf"\b{re.escape(w)}\b", known)
        )
    elif words[0] != "update":
        yield f"apt-get {words[0]}: install or update is checked"


COMMANDS: dict[str, Callable[[Sequence[str]], Iterator[str]]] = {
    "glnn": glnn, "make": make, "pip": pip, "python": python, "python3": python, "pytest": pytest_,
    "apt-get": packages, "dnf": packages,
}  # fmt: skip


# ---- files of others


def yaml(words: str) -> Iterator[str]:
    """A file of GitHub's or GitLab's CI: it parses, and its scripts are right."""
    module = pytest.importorskip("yaml", reason="PyYAML is in the extras develop and docs")
    try:
        tree = module.safe_load(words)
    except module.YAMLError as error:
        yield f"no YAML: {error}"
        return
    found = list(scripts(tree))
    yield from (fault for lines in found for fault in shell(lines))
    if not found:
        yield "no script in it"


def scripts(tree: Any) -> Iterator[str]:
    """The scripts in a tree of YAML. A step of GitHub's is a script or an action."""
    for item in tree if isinstance(tree, list) else tree.values() if isinstance(tree, dict) else ():
        yield from scripts(item)
    if isinstance(tree, dict):
        for step in tree.get("steps", ()):
            assert len(step.keys() & {"run", "uses"}) == 1, f"a step is run or uses: {step}"
            assert "uses" not in step or re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]), step
        for lines in (tree.get("run"), *(tree.get(key) for key in ("before_script", "script"))):
            yield from [lines] if isinstance(lines, str) else lines or ()


def dockerfile(words: str) -> Iterator[str]:
    lines = words.replace("\\\n", " ").splitlines()
    if not lines[0].startswith("FROM "):
        yield "a Dockerfile begins with FROM"
    for line in lines:
        name, _, rest = line.partition(" ")
        if name not in INSTRUCTIONS:
            yield f"{name}: no instruction"
        elif name == "RUN":
            yield from shell(rest)
        elif name in ("CMD", "ENTRYPOINT"):
            given = json.loads(rest)
            yield from command([*given, "cat.jpg"] if given[:2] == ["glnn", "predict"] else given)


def javascript(words: str) -> Iterator[str]:
    """A module: its syntax, and the names of the runner's in it."""
    node = shutil.which("node") or pytest.skip("no node here, which checks JavaScript")
    done = subprocess.run([node, "--input-type=module", "--check"], input=words, capture_output=True, text=True)
    if done.returncode:
        yield done.stderr
    types = text("glnn/web/runner.d.ts")
    for name in re.findall(r"\b(?:glnn|model)\.(\w+)", words):
        if not re.search(rf"\b{name}\b", types):
            yield f"runner.d.ts has no {name}"


def parses(words: str) -> Iterator[str]:
    try:
        ast.parse(words)
    except SyntaxError as error:
        yield str(error)


def json_(words: str) -> Iterator[str]:
    try:
        json.loads(words)
    except ValueError as error:
        yield str(error)


LANGUAGES: dict[str, Callable[[str], Iterator[str]]] = {
    "sh": shell, "yaml": yaml, "dockerfile": dockerfile, "js": javascript, "json": json_, "python": parses,
    "glsl": lambda _: iter(()),  # tests/test_docs.py compiles kernels; others are pieces of a driver's note
    "text": lambda _: iter(()),  # what is printed, formulas, forms
}  # fmt: skip


def faults(block: Block) -> list[str]:
    """What is wrong with a block, without running it."""
    if block.language not in LANGUAGES:
        return [f"a block of {block.language or 'no language'}; known are {', '.join(LANGUAGES)}"]
    return list(LANGUAGES[block.language](block.text))
