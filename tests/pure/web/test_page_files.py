"""The page's own files as an export gets them: small, and the same code as the package's."""

from __future__ import annotations

import gzip
import re

import pytest

from glnn.web.page import PAGE, bare, sent
from glnn.web.page import source as page_source

CODE_BYTES = 15_000  # gzipped, all that a browser loads of the page
CHECK_BYTES = 6_000  # ... and that it loads with ?check alone


def test_runner_and_page_stay_small() -> None:
    loaded = ["index.html", "page.js", "runner.js"]
    assert sum(len(gzip.compress(sent(name), 9)) for name in loaded) <= CODE_BYTES
    assert len(gzip.compress(sent("check.js"), 9)) <= CHECK_BYTES


def ends_gone(code: str) -> str:
    """Code without space, and without what may end before a bracket that closes."""
    return re.sub(r";(?=\})|,(?=[)}\]])", "", "".join(code.split()))


@pytest.mark.parametrize("name", PAGE)
def test_what_is_sent_lost_nothing_but_comments_and_space(name: str) -> None:
    source, code = page_source(name), sent(name).decode()
    plain = re.sub(r"^[ \t]*/\*\*?.*?\*/$|(?:^|(?<=[\s;]))//(?: [^\n]*)?$", "", source, flags=re.M | re.S)
    assert ends_gone(code) == ends_gone(plain)
    # What `bare` asks of a source: strings and templates end in their line.
    assert name == "index.html" or all(line.count("`") % 2 == 0 for line in plain.splitlines())
    assert "\n\n" not in code and len(re.findall(r"\w+", code)) > 100


@pytest.mark.parametrize("name", ["runner.js", "page.js", "check.js"])
def test_what_a_person_reads_keeps_its_space(name: str) -> None:
    source, code = page_source(name), sent(name).decode()
    words = [text for text in re.findall(r'"([^"`\n]*)"', source) if " " in text]
    found = re.findall(r"[`}]([^`${}\n\"]* [^`${}\n\"]*)(?:\$\{|`)", source)
    words += [text for text in found if re.search(r"\w", text) and not re.search(r" [=?:] ", text)]  # nor code
    words = [text for text in words if "//" not in text]
    assert len(words) > 20 and [text for text in words if text not in code] == []


def test_comments_go_and_texts_stay() -> None:
    source = 'a(); // gone\n  b("x // y"); // don\'t\n\n// gone\n/** gone\n * too */\nc(`http://x`, "//");\n'
    assert bare(source) == 'a();b("x // y");c(`http://x`,"//");'
    nested = 'const t = `a: ${x.map((v) => `${v} , { ${ {k : "a  b"}.k } }`)} , ${f({a : 1})} = \\` ; \\${`;  // gone\n'
    assert bare(nested) == 'const t=`a: ${x.map((v)=>`${v} , { ${{k:"a  b"}.k } }`)} , ${f({a:1})} = \\` ; \\${`;'
    assert bare("if (a) { b - -c; }  return 'it\\'s , so';") == "if(a){b - -c}return 'it\\'s , so';"


def test_spaces_go_at_signs_alone() -> None:
    source = 'const a = b ? c : (d + e) - -f; // gone "too"\nreturn x in y || "a = b" + `${g(`h = ${i}`)} = j` + k;\n'
    assert bare(source) == 'const a=b?c:(d+e)- -f;return x in y||"a = b"+`${g(`h = ${i}`)} = j`+k;'
    assert bare("a = b - --c + ++d / e;\n") == "a=b - --c + ++d/e;"


def test_what_ends_before_a_bracket_goes_from_code_alone() -> None:
    source = 'for (;;) {\n  f([1, 2,\n  ], "x;} ,]", `${"a , b"[i]};}`);\n}'
    assert bare(source) == 'for(;;){f([1,2],"x;} ,]",`${"a , b"[i]};}`)}'
