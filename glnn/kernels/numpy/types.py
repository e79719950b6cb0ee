"""The types of GLSL as far as kernels use them, and the type of what its functions give."""

from __future__ import annotations

import re
from collections.abc import Sequence

SCALARS = ("float", "int", "uint", "bool")
_PREFIX = {"float": "", "int": "i", "uint": "u", "bool": "b"}
_NAMES = {f"{letter}vec{n}": (kind, n) for kind, letter in _PREFIX.items() for n in (2, 3, 4)}
_NAMES |= {kind: (kind, 1) for kind in SCALARS}
_LANES = ("xyzw", "rgba", "stpq")


def kind(type: str) -> str:
    """float, int, uint or bool: what a value of this type consists of; matrices are of floats, else the type itself."""
    if type in _NAMES:
        return _NAMES[type][0]
    return "float" if is_matrix(type) else type


def size(type: str) -> int:
    """Components of a scalar (1) or vector; rows of a matrix."""
    return int(type[3]) if is_matrix(type) else _NAMES[type][1]


def is_matrix(type: str) -> bool:
    return type in ("mat2", "mat3", "mat4")


def is_value(type: str) -> bool:
    """Whether it is a scalar, a vector or a matrix."""
    return type in _NAMES or is_matrix(type)


def vector(kind: str, count: int) -> str:
    """The type of so many components; the scalar itself for one."""
    return kind if count == 1 else f"{_PREFIX[kind]}vec{count}"


def array(type: str) -> tuple[str, int] | None:
    """The elements' type and count of an array type such as "vec4[5]"; None for other types."""
    found = re.fullmatch(r"(\w+)\[(\d+)\]", type)
    return (found[1], int(found[2])) if found else None


def lanes(type: str, word: str) -> tuple[int, ...] | None:
    """The components that a swizzle names; None where the type has no such ones."""
    if is_matrix(type) or type not in _NAMES or not 1 <= len(word) <= 4:
        return None
    letters = next((letters for letters in _LANES if word[0] in letters), "")
    found = tuple(letters.find(letter) for letter in word)
    return found if all(0 <= lane < size(type) for lane in found) and size(type) > 1 else None


# ---- what functions give

_FLOATS = frozenset(
    "radians degrees sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh pow exp log exp2 log2 sqrt "
    "inversesqrt abs sign floor ceil trunc round roundEven fract mod min max clamp mix step smoothstep "
    "normalize".split()
)
_INTEGERS = frozenset("abs sign min max clamp".split())  # which integers have as well
_FIXED = {"length": "float", "distance": "float", "dot": "float", "cross": "vec3", "any": "bool", "all": "bool"}
_FIXED |= {"texture": "vec4", "texture2D": "vec4", "texelFetch": "vec4"}
_FIXED |= {"packHalf2x16": "uint", "unpackHalf2x16": "vec2"}
_BITS = {"floatBitsToUint": "uint", "floatBitsToInt": "int", "uintBitsToFloat": "float", "intBitsToFloat": "float"}
_TESTS = frozenset("lessThan lessThanEqual greaterThan greaterThanEqual equal notEqual isnan isinf not".split())

COUNTS = {  # of arguments: least, most
    **dict.fromkeys(_FLOATS, (1, 1)),
    **dict.fromkeys("pow mod min max step".split(), (2, 2)),
    **dict.fromkeys("clamp mix smoothstep".split(), (3, 3)), "atan": (1, 2),
    **dict.fromkeys(_FIXED, (1, 1)), **dict.fromkeys("distance dot cross".split(), (2, 2)),
    **dict.fromkeys("texture texture2D".split(), (2, 2)), "texelFetch": (3, 3),
    **dict.fromkeys(_BITS, (1, 1)), **dict.fromkeys(_TESTS, (2, 2)),
    **dict.fromkeys("isnan isinf not".split(), (1, 1)),
}  # fmt: skip


def called(name: str, types: Sequence[str]) -> str | None:
    """The type that one of GLSL's own functions gives for arguments of these types; None where there is no such one."""
    least, most = COUNTS.get(name, (1, 0))
    if not least <= len(types) <= most:
        return None
    if name in ("texture", "texture2D", "texelFetch"):
        return "uvec4" if types[0].startswith("u") else "vec4"
    if not all(type in _NAMES for type in types):
        return None
    first = next((type for type in types if size(type) > 1), types[0])  # mix, step, max: some arguments may be scalars
    if any(size(type) not in (1, size(first)) for type in types):
        return None
    kinds = [kind(type) for type in types]
    if name in _BITS:
        taken = {"u": "uint", "i": "int", "f": "float"}[name[0]]
        return vector(_BITS[name], size(first)) if kinds[0] == taken else None
    if name in _TESTS:
        return vector("bool", size(first))
    if name in _FIXED:
        return _FIXED[name]
    if name == "mix" and kinds[2] == "bool":
        return first
    alike = len(set(kinds)) == 1
    right = alike and (kinds[0] == "float" or (name in _INTEGERS and kinds[0] in ("int", "uint")))
    return vector(kinds[0], size(first)) if right else None
