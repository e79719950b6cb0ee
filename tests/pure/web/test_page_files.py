"""The page's own files as an export gets them: small, and the same code as the package's."""

from __future__ import annotations

import gzip
import re

import pytest

from glnn.web.kinds import KINDS as ALL_KINDS
from glnn.web.page import BASE, KINDS, PAGE, PARTS, bare, sent
from glnn.web.page import source as page_source

CODE_BYTES = 15_000  # gzipped, all that a browser loads of every page
SHOWN_BYTES = 5_300  # ... of that, what is not the runner
KIND_BYTES = 4_500  # ... and what it loads for any kind of input besides
CHECK_BYTES = 6_000  # ... and that it loads with ?check alone


def test_runner_and_page_stay_small() -> None:
    size = {name: len(gzip.compress(sent(name), 9)) for name in PAGE}
    assert sum(size[name] for name in BASE) <= CODE_BYTES
    assert sum(size[name] for name in BASE if name != "runner.js") <= SHOWN_BYTES
    for name in KINDS:
        assert sum(size[part] for part in loaded(name)) <= KIND_BYTES
    assert size["check.js"] + size["check.css"] <= CHECK_BYTES
    assert set(PAGE) == {*BASE, *KINDS, *PARTS, "runner.d.ts"}


def loaded(name: str, outer: tuple[str, ...] = ()) -> set[str]:
    """A part and the parts that it imports before it runs."""
    imported = set(re.findall(r'from "\./(page-[\w-]+\.js)"', page_source(name))) - {*outer, name}
    return {name}.union(*(loaded(part, (*outer, name)) for part in imported))


@pytest.mark.parametrize("name", [name for name in PAGE if name.endswith(".js")])
def test_what_a_part_loads_is_exported(name: str) -> None:
    source = page_source(name)
    named = re.findall(r'(?:from|import\() ?"\./([\w-]+\.js)"', source) + re.findall(r'href: "([\w-]+\.css)"', source)
    assert set(named) <= set(PAGE)
    if name == "page.js":
        assert "import(`./page-${" in source and KINDS == tuple(f"page-{kind}.js" for kind in ALL_KINDS)


def test_nothing_stands_in_a_page_that_a_strict_policy_forbids() -> None:
    html = sent("index.html").decode()
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:|data:|https?:", html)
    assert re.findall(r"<script[^>]*>(.*?)</script>", html) == [""]
    for name in PAGE:
        if name.endswith(".js"):
            code = sent(name).decode()
            assert not re.search(r"\beval\(|new Function|innerHTML|setAttribute\(\"(style|on)|make\(\"style\"", code), (
                name
            )


def ends_gone(code: str) -> str:
    """Code without space, and without what may end before a bracket that closes."""
    code = re.sub(r"(?<![\w$])\((\w+)\)=>", r"\1=>", "".join(code.split()))
    return re.sub(r";(?=\})|,(?=[)}\]])", "", code)


@pytest.mark.parametrize("name", [name for name in PAGE if name != "icon.svg"])
def test_what_is_sent_lost_nothing_but_comments_and_space(name: str) -> None:
    source, code = page_source(name), sent(name).decode()
    if name.endswith(".html"):
        assert re.sub(r"\n +<", "\n<", source) == code  # but for what is set off in a text
        return
    plain = re.sub(r"^[ \t]*/\*\*?.*?\*/$|(?:^|(?<=[\s;]))//(?: [^\n]*)?$", "", source, flags=re.M | re.S)
    assert ends_gone(code) == ends_gone(plain)
    # What `bare` asks of a source: strings and templates end in their line.
    assert all(line.count("`") % 2 == 0 for line in plain.splitlines())
    assert "\n\n" not in code and len(re.findall(r"\w+", code)) > 60


@pytest.mark.parametrize(
    "name", ["runner.js", "page.js", "check.js", "runner-files.js", "page-text.js", "page-table.js"]
)
def test_what_a_person_reads_keeps_its_space(name: str) -> None:
    source, code = page_source(name), sent(name).decode()
    words = [text for text in re.findall(r'"([^"`\n]*)"', source) if " " in text]
    found = re.findall(r"[`}]([^`${}\n\"]* [^`${}\n\"]*)(?:\$\{|`)", source)
    words += [text for text in found if re.search(r"\w", text) and not re.search(r" [=?:] ", text)]  # nor code
    words = [text for text in words if "//" not in text]
    assert len(words) > 6 and [text for text in words if text not in code] == []


def test_comments_go_and_texts_stay() -> None:
    source = 'a(); // gone\n  b("x // y"); // don\'t\n\n// gone\n/** gone\n * too */\nc(`http://x`, "//");\n'
    assert bare(source) == 'a();b("x // y");c(`http://x`,"//");'
    nested = 'const t = `a: ${x.map((v) => `${v} , { ${ {k : "a  b"}.k } }`)} , ${f({a : 1})} = \\` ; \\${`;  // gone\n'
    assert bare(nested) == 'const t=`a: ${x.map(v=>`${v} , { ${{k:"a  b"}.k } }`)} , ${f({a:1})} = \\` ; \\${`;'
    assert bare("if (a) { b - -c; }  return 'it\\'s , so';") == "if(a){b- -c}return 'it\\'s , so';"


def test_spaces_go_at_signs_alone() -> None:
    source = 'const a = b ? c : (d + e) - -f; // gone "too"\nreturn x in y || "a = b" + `${g(`h = ${i}`)} = j` + k;\n'
    assert bare(source) == 'const a=b?c:(d+e)- -f;return x in y||"a = b"+`${g(`h = ${i}`)} = j`+k;'
    assert bare("a = b - --c + ++d / e;\n") == "a=b- --c+ ++d/e;"
    assert bare("x = (a + (b)) - (c) + -(d);\n") == "x=(a+(b))-(c)+ -(d);"


def test_arrows_lose_the_brackets_of_one_parameter() -> None:
    source = "f((x) => (a, b) => async (c) => (d), `(x) => ${(y) => 1}`);\n"
    assert bare(source) == "f(x=>(a,b)=>async(c)=>(d),`(x) => ${y=>1}`);"
    assert bare("const f = (x) =>\n  g(x)\n    .h;\n") == "const f=x=>\ng(x).h;"


def test_what_ends_before_a_bracket_goes_from_code_alone() -> None:
    source = 'for (;;) {\n  f([1, 2,\n  ], "x;} ,]", `${"a , b"[i]};}`);\n}'
    assert bare(source) == 'for(;;){f([1,2],"x;} ,]",`${"a , b"[i]};}`)}'
