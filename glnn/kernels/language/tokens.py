"""A text of the kernel language as words with their places, and the words that the language leaves out."""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from .tree import At, refusal

TYPES = frozenset({
    "void", "float", "int", "bool", "vec2", "vec3", "vec4", "ivec2", "ivec3", "ivec4", "bvec2", "bvec3", "bvec4",
    "mat2", "mat3", "mat4",
})  # fmt: skip
BITS = frozenset({"uint", "uvec2", "uvec3", "uvec4"})  # for the codecs of shaders/codecs, in dialects that have them

WORD = re.compile(
    r"(?P<newline>\n)|(?P<space>[ \t\r]+|//[^\n]*|/\*.*?\*/)|(?P<directive>#[^\n]*)|(?P<name>[A-Za-z_]\w*)"
    r"|(?P<number>(?:\d|\.\d)(?:[eE][-+]|[\w.])*)"
    r"|(?P<op>\+\+|--|<<=|>>=|<<|>>|\^\^|[-+*/%&|^<>=!]=|&&|\|\||[-+*/%&|^~<>=!?:;,.(){}\[\]])",
    re.S,
)
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]+|0|[1-9]\d*|(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+")

_LOOP = "a loop is for (int i = A; i < B; i++) or (...; i += S), whose bounds must be constants, params or sizes"
_BITS = "es100 has no bit operations: reckon with idiv(a, b) and imod(a, b)"
_TAPS = "a kernel reads through its inputs: x(n, h, w, c), x_tap(i, j)"
_VALUES = "a parameter is a value that a function may use: leave the word away, and return what is made"
_SWITCH = "es100 has no switch: if (..) .. else if (..) .."
_UINT = "es100 has no unsigned integers: take int"
_DRAW = "numbers come in as '#pragma glnn const NAME' or '#pragma glnn param NAME', tensors as '#pragma glnn input x'"
_HIGH = "precision is the device's: leave the word away"

# Words and signs that the language leaves out, and what to write instead.
LEFT_OUT = {
    "while": _LOOP, "do": _LOOP, "goto": _LOOP,
    "switch": _SWITCH, "case": _SWITCH, "default": _SWITCH,
    "struct": "a value is a number, a vector or a matrix: declare a variable for each member",
    "discard": "every pixel is written: return a value",
    "in": _VALUES, "out": _VALUES, "inout": _VALUES,
    "uniform": _DRAW, "attribute": _DRAW, "varying": _DRAW, "layout": _DRAW, "buffer": _DRAW, "shared": _DRAW,
    "flat": _DRAW, "smooth": _DRAW, "centroid": _DRAW,
    "precision": _HIGH, "highp": _HIGH, "mediump": _HIGH, "lowp": _HIGH, "invariant": _HIGH,
    "sampler2D": _TAPS, "samplerCube": _TAPS, "sampler3D": _TAPS, "sampler2DArray": _TAPS,
    "double": "no dialect has double: take float",
    **dict.fromkeys(sorted(BITS), _UINT),
    "%": "es100 has no %: imod(a, b)", "%=": "es100 has no %: a = imod(a, b)",
    "~": _BITS, "&": _BITS, "|": _BITS, "^": _BITS, "<<": _BITS, ">>": _BITS,
    "&=": _BITS, "|=": _BITS, "^=": _BITS, "<<=": _BITS, ">>=": _BITS,
    "^^": "write a != b",
    "++": "++ stands only in the head of a loop: write += 1", "--": "write -= 1",
}  # fmt: skip


class Token(NamedTuple):
    """A word: kind is name, number, op, directive or end."""

    kind: str
    text: str
    at: At
    after: At  # the place right behind it


def tokens(text: str, file: str, library: bool = False, line: int = 1) -> list[Token]:
    """The words of a text, the last of kind "end". Raises KernelError for what the language has no word for.

    library: one of glnn's own files, which may use bits
    line:    the number of the first line; 0: the text is of no place
    """
    found: list[Token] = []
    pos, begin = 0, 0  # of this line
    last = (line, 1)
    for match in WORD.finditer(text):
        if match.start() > pos:
            break
        kind, word, at, pos = match.lastgroup or "", match.group(), (line, pos - begin + 1), match.end()
        if kind == "newline":
            line, begin = line + (line > 0), pos
            continue
        if kind == "space":
            if "\n" in word:
                line, begin = line + word.count("\n") * (line > 0), pos - len(word) + word.rindex("\n") + 1
            continue
        last = (line, pos - begin + 1)
        if kind == "number" and not _NUMBER.fullmatch(word):
            if not (library and word.endswith("u") and _NUMBER.fullmatch(word[:-1])):
                raise refusal(file, text, at, f"{word} is no number of GLSL ES 1.00: such are 3, 0x1f, 1.0, 0.5, 1e-3")
        if word in LEFT_OUT and not (library and LEFT_OUT[word] in (_BITS, _UINT)) and word not in ("out", "++", "--"):
            _left_out(file, text, at, word)
        found.append(Token(kind, word, at, last))
    if pos < len(text):
        raise refusal(file, text, (line, pos - begin + 1), f"{text[pos]!r} is no part of the kernel language")
    found.append(Token("end", "the end of the file", last, last))
    return found


def _left_out(file: str, text: str, at: At, word: str) -> NoReturn:
    raise refusal(file, text, at, f"{word!r} is no part of the kernel language: {LEFT_OUT[word]}")
