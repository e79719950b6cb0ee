"""The documentation is true: its code runs, its links and paths lead somewhere, what is generated is up to date."""

from __future__ import annotations

import ast
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import FunctionType

import pytest
from support import snippets, stand_ins
from support.pages import Block, blocks

import glnn

ROOT = Path(__file__).parent.parent
PAGES = [
    *(ROOT / page for page in ("README.md", "CONTRIBUTING.md", "benchmarks/README.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
]
GENERATED = {ROOT / "docs" / "commands.md", *ROOT.glob("docs/api/*.md")}  # signatures; names of readers' files
MOST_SKIPPED = 5  # blocks of all pages that are marked as not run
SUFFIXES = "py|glsl|js|ts|md|sh|html|svg|png|h5|npz|toml|ipynb|yaml"
# What looks like a path of the repository and is none: users' files, and names.
OTHERS = {
    "model.h5", "mobilenet.h5", "model.weights.h5", "weights.h5", "cat.jpg", "report.html", "NNN-title.md",
    "TensorFlow.js", "TF.js", "Keras.js", "Transformers.js", "perceptron.npz", "glnn/formats/npz.py", "my.glsl",
    "build/site/index.html", "index.md",
    "keras/engine/topology.py", "run.npz", "kernels/a.glsl", "runner.js",
    "glnn-snapshots.html", "twice.glsl", "kernel.glsl", "FILE.npz", "FAMILY.h5", "FAMILY.npz", "python/encoder.py",
}  # fmt: skip


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def every_block() -> Iterator[tuple[str, Block]]:
    for page in PAGES:
        for block in blocks(text(page)):
            yield f"{name(page)}:{block.line}", block


# ---- code

PAGE = """a

    indented

- b

```sh
A=1 glnn doctor  # here
pip install glnn
```

<!-- file: k.glsl -->
```glsl
x
```

```python
f()

g()
```
"""


def test_pages_split_into_their_blocks() -> None:
    indented, shell, kernel, python = blocks(PAGE)
    assert (indented.line, indented.language, indented.text) == (3, "", "indented\n")
    assert (shell.line, shell.language, shell.commands) == (8, "sh", ["A=1 glnn doctor  # here"])
    assert (kernel.line, kernel.language, kernel.text) == (14, "glsl", "x\n")
    assert (python.line, python.language, python.text) == (18, "python", "f()\n\ng()\n")
    assert (shell.note, kernel.note, python.note) == (None, ("file", "k.glsl"), None)
    assert indented.commands == python.commands == []
    (skipped,) = blocks("<!-- not run: takes a phone -->\n\n```sh\nglnn doctor\n```\n")
    assert skipped.note == ("not run", "takes a phone")


WRONG = [
    ("sh", "glnn predikt model.h5", "no command"),
    ("sh", "glnn quantize model.h5 small.glnn --kodec uint8", "no option"),
    ("sh", "GLNN_PROFIL=a python my_script.py", "no variable"),
    ("sh", "make tests", "no such target"),
    ("sh", "make bench ARGS=2", "no such variable"),
    ("sh", "pip install 'glnn[webs]'", "no extra webs"),
    ("sh", "sudo apt-get update && apt-get install -y libegl2", "no package libegl2"),
    ("sh", "python benchmarks/bench.py --onyl conv", "has no --onyl"),
    ("sh", "pytest --glnn-opengl=require --glnn-corner x", "pytest has no"),
    ("sh", "gunicorn app", "do not know"),
    ("sh", "glnn doctor 'a", "quotation"),
    ("yaml", "a: {script: ['pip install glnn[webs]']}", "no extra webs"),
    ("yaml", "a: [b", "no YAML"),
    ("yaml", "a: b", "no script"),
    ("dockerfile", "FROM debian\nRUN make tests", "no such target"),
    ("dockerfile", 'FROM debian\nCOPY a b\nCMD ["glnn", "sumary", "m.h5"]', "no command"),
    ("dockerfile", "FROM debian\nINSTALL a", "no instruction"),
    ("js", "const a = ;", "SyntaxError"),
    ("js", "model.predictt({})", "no predictt"),
    ("json", "{a: 1}", "Expecting"),
    ("python", "f(", "never closed"),
    ("bash", "true", "known are"),
    ("", "indented", "no language"),
]


@pytest.mark.parametrize(("language", "words", "told"), WRONG, ids=lambda v: v[:20])
def test_a_wrong_block_is_told(language: str, words: str, told: str) -> None:
    assert told in "".join(snippets.faults(Block(1, language, words))), snippets.faults(Block(1, language, words))


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "api"], ids=name)
def test_the_blocks_of_a_page_are_right(page: Path) -> None:
    """Every block has a language, and is right as far as it can be told without running it."""
    assert [(b.line, b.language, fault) for b in blocks(text(page)) for fault in snippets.faults(b)] == []


def test_quoted_blocks_stand_in_their_files() -> None:
    quotes = [(where, b) for where, b in every_block() if b.note and b.note[0] == "quoted"]
    assert quotes
    assert [where for where, b in quotes if b.note and b.text not in text(ROOT / b.note[1])] == []


def runs(page: Path) -> bool:
    return page not in GENERATED and any(b.commands or b.language == "python" for b in blocks(text(page)))


@pytest.mark.parametrize("page", list(filter(runs, PAGES)), ids=name)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    """Block after block as a reader would paste them, beside the repository's examples and stand-ins for own files."""
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    stand_ins.make(tmp_path, text(page))
    environ = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"} | os.environ | {"GLNN_CACHE": str(tmp_path / "cache")}
    environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "tests"), os.environ.get("PYTHONPATH", "")])
    script = ROOT / "tests" / "support" / "pages.py"
    done = subprocess.run(
        [sys.executable, str(script), str(page)],
        cwd=tmp_path, env=environ,
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def test_few_blocks_are_not_run() -> None:
    skipped = [(where, block.note[1]) for where, block in every_block() if block.note and block.note[0] == "not run"]
    assert len(skipped) <= MOST_SKIPPED, skipped
    assert all(len(why) > 10 for _, why in skipped)


def test_every_kernel_on_a_page_is_one() -> None:
    from glnn.kernels.files import kernel_names, read_shader
    from glnn.testing.subjects import kernel_of

    own = [read_shader(f"kernels/{kernel}.glsl") for kernel in kernel_names()]
    found = [(where, b) for where, b in every_block() if b.language == "glsl" and "#pragma glnn" in b.text]
    assert len(found) >= 4
    for where, block in found:
        kernel_of(block.text, where, "shown")
        assert block.text in own or (block.note and block.note[0] == "file"), f"{where}: neither glnn's nor a file"


# ---- links and paths


def anchors(page: Path) -> list[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: list[str] = []
    for head in re.findall(r"(?m)^#+ (.+)$", re.sub(r"(?ms)^```.*?^```", "", text(page))):
        anchor = re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-")
        found.append(anchor if anchor not in found else f"{anchor}-{sum(f.startswith(anchor) for f in found)}")
    return found


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if link.startswith(("http://", "https://")):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        assert target.exists(), f"{name(page)} links to {link}, and there is no {place}"
        assert not anchor or anchor in anchors(target), f"{name(page)} links to {link}, and there is no such heading"


@cache
def files() -> str:
    """Every file and folder of the repository below its root, one a line."""
    git = shutil.which("git")
    listed = git and subprocess.run(
        [git, "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if not listed or listed.returncode:
        pytest.skip("this is no checkout of the repository, or there is no git")
    paths = [Path(line) for line in listed.stdout.splitlines() if (ROOT / line).exists()]
    return "\n".join(sorted({str(p) for p in paths} | {f"{parent}/" for p in paths for parent in p.parents}))


def known(path: str) -> bool:
    """Whether the repository has a file or folder whose path ends in this one; * matches within a name."""
    pattern = re.escape(path).replace(r"\*", "[^/\n]*")
    return path in OTHERS or bool(re.search(rf"(?m)(^|/){pattern}$", files()))


def paths(words: str) -> Iterator[str]:
    """What looks like a path of the repository."""
    yield from re.findall(rf"(?<![\w./<>{{*-])((?:[\w*][\w*.-]*/)*[\w*-]+\.(?:{SUFFIXES}))(?![\w/])", words)
    yield from re.findall(r"`((?:glnn|tests|docs|examples|scripts|benchmarks|notebooks)/(?:[\w-]+/)*)`", words)


@pytest.mark.parametrize("page", [page for page in PAGES if page.stem != "commands"], ids=name)
def test_paths_on_a_page_exist(page: Path) -> None:
    made = [b.note[1] for b in blocks(text(page)) if b.note and b.note[0] == "file"]
    prose = re.sub(r"(?ms)^```.*?^```|^    [^\n]*$|\]\([^)\s]+\)|https?://\S+", "", text(page))
    lost = [path for path in paths(prose) if not known(path) and path not in made]
    assert lost == [], f"{name(page)} names what the repository does not have"


def words(file: Path) -> str:
    """The comments and docstrings of a source file."""
    source = text(file)
    if file.suffix != ".py":
        return "\n".join(re.findall(r"(?s)//[^\n]*|/\*.*?\*/", source))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    told = [ast.get_docstring(node) or "" for node in ast.walk(ast.parse(source)) if isinstance(node, kinds)]
    return "\n".join([*told, *re.findall(r"#[^\n]*", source)])


def test_paths_in_comments_and_docstrings_exist() -> None:
    folders = ("glnn", "scripts", "tests", "examples", "benchmarks")
    sources = [f for d in folders for kind in ("py", "js", "glsl", "ts") for f in sorted((ROOT / d).rglob(f"*.{kind}"))]
    lost = [(name(file), path) for file in sources for path in paths(words(file)) if not known(path)]
    assert lost == []


def resolves(dotted: str) -> bool:
    """Whether a name such as glnn.errors.InputError is there."""
    thing: object = glnn
    for part in dotted.split(".")[1:]:
        if not hasattr(thing, part):
            try:
                importlib.import_module(f"{getattr(thing, '__name__', '')}.{part}")  # which makes it an attribute
            except ImportError:
                return False
        thing = getattr(thing, part)
    return True


def test_dotted_names_exist() -> None:
    sources = {name(f): words(f) for f in sorted((ROOT / "glnn").rglob("*.py"))}
    pages = {name(page): re.sub(r"(?ms)^```js.*?^```|https?://\S+", "", text(page)) for page in PAGES}
    dotted = re.compile(r"\bglnn(?:\.[a-zA-Z]\w*)+")
    named = {(where, found) for where, told in (sources | pages).items() for found in dotted.findall(told)}
    assert sorted(item for item in named if not known(item[1]) and not resolves(item[1])) == [
        ("docs/commands.md", "glnn.fish"),  # a file of a shell's
        ("docs/from-tfjs.md", "glnn.load"),  # the runner's
    ]


def test_quoted_code_stands_where_a_table_says() -> None:
    """Rows that begin with a file and a piece of its text."""
    rows = [row for page in PAGES for row in re.findall(r"(?m)^\| `([\w/.]+)` \| `([^`]+)` \|", text(page))]
    quotes = [(file, quote) for file, quote in rows if (ROOT / file).is_file()]
    assert len(quotes) >= 9
    assert [(file, quote) for file, quote in quotes if quote not in text(ROOT / file)] == []


def test_pre_commit_runs_what_make_check_runs() -> None:
    hooks = re.findall(r"entry: \.venv/bin/(.+)", text(ROOT / ".pre-commit-config.yaml"))
    check = text(ROOT / "Makefile").partition("\ncheck:")[2].partition("\n\n")[0]
    assert hooks == re.findall(r"\t\$\(VENV\)/bin/(.+)", check)


# ---- the public surface


@pytest.mark.parametrize(
    "script",
    ["make_api.py", "make_commands.py", "make_layers.py", "make_pictures.py", "make_peers.py", "make_sizes.py"],
)
def test_what_is_made_of_the_code_is_up_to_date(script: str) -> None:
    argv = [sys.executable, str(ROOT / "scripts" / script), "--check"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def public() -> list[tuple[str, str]]:
    modules = re.findall(r'"(glnn[\w.]*)"', text(ROOT / "scripts" / "make_api.py").partition("\nMODULES = ")[2])
    return [(module, name) for module in modules for name in importlib.import_module(module).__all__]


@pytest.mark.parametrize(("module", "name"), public())
def test_a_public_name_exists_and_is_described(module: str, name: str) -> None:
    thing = getattr(importlib.import_module(module), name)
    if hasattr(thing, "__origin__"):  # a type such as tuple[int, ...]
        return
    if isinstance(thing, type):
        own = vars(thing).get("__doc__") or ""
        assert own and not own.startswith(f"{name}("), "the dataclass has no docstring but the one that it gave itself"
        kinds = (FunctionType, classmethod, staticmethod, property)
        fields = getattr(thing, "__dataclass_fields__", {})
        members = [k for k, v in vars(thing).items() if k[0] != "_" and k not in fields and isinstance(v, kinds)]
        assert [key for key in members if not inspect.getdoc(getattr(thing, key))] == []
    elif callable(thing):
        assert thing.__doc__


def test_every_exception_is_public() -> None:
    from glnn import errors

    own = [name for name, thing in vars(errors).items() if isinstance(thing, type) and issubclass(thing, Exception)]
    assert sorted(errors.__all__) == sorted(own)
