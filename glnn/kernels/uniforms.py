"""The numbers that a text gets at the draw: sizes and factors as uniforms, so that one text serves all shapes."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass, field

READ = "read_params"  # the function that copies uniforms into variables
Size = int  # Params has a method of that name
Uniforms = tuple[list[int], list[float]]  # the values of P and F


@dataclass
class Params:
    """Integers and floats that a text gets at the draw, in order of first use; `constant` ones stand in the text."""

    constant: frozenset[str] = frozenset()
    whole: bool = False  # texels are fetched by whole numbers
    ints: dict[str, int] = field(default_factory=dict)
    floats: dict[str, float] = field(default_factory=dict)
    units: set[str] = field(default_factory=set)  # what is 1 where texels are fetched by whole numbers

    def int(self, name: str, value: int) -> str:
        """The name, known from now on as an integer of this value."""
        self.ints[name] = int(value)
        return name

    def float(self, name: str, value: float) -> str:
        """The name, known from now on as a float of this value."""
        self.floats[name] = float(value)
        return name

    def texel(self, name: str, size: Size) -> str:
        """The name, known from now on as how far texels of a texture of this size lie apart, as FETCH counts it."""
        if not self.whole:
            return self.float(name, 1 / size)
        self.units.add(name)
        return name

    def keep(self, text: str, more: Set[str] = frozenset()) -> None:
        """Forgets the names that stand neither in the text nor among `more` words.

        ROW0 stays first: executors set it for each part.
        """
        words = {*re.findall(r"[A-Za-z_]\w*", text), *more, "ROW0"}
        self.ints = {n: v for n, v in self.ints.items() if n in words}
        self.floats = {n: v for n, v in self.floats.items() if n in words}
        self.units &= words

    def declare(self, copied: bool = False) -> str:
        """Uniform arrays P and F with a macro for each name; constants for those that bound loops in es100.

        copied: names are variables instead, which `read_params()` sets, so that no loop reads a uniform
        """
        out, copies = [], []
        out += [f"#define {n} 1.0" for n in sorted(self.units)]
        for array, kind, names in (("P", "int", self.names), ("F", "float", tuple(self.floats))):
            if not names:
                continue
            out.append(f"uniform {'i' * (kind == 'int')}vec4 {array}[{-(-len(names) // 4)}];")
            for i, name in enumerate(names):
                place = f"{array}[{i // 4}].{'xyzw'[i % 4]}"
                out.append(f"{kind} {name};" if copied else f"#define {name} {place}")
                copies.append(f"{name} = {place};")
        out += [f"const int {n} = {self.ints[n]};" for n in self.ints if n in self.constant]
        out += [f"void {READ}() {{ {' '.join(copies)} }}"] if copied else []
        return "\n".join(out)

    @property
    def float_names(self) -> tuple[str, ...]:
        """The floats of F in their order."""
        return tuple(self.floats)

    @property
    def names(self) -> tuple[str, ...]:
        """The integers of P in their order."""
        return tuple(n for n in self.ints if n not in self.constant)

    def values(self) -> Uniforms:
        """The values of P and F, padded to whole vectors."""
        ints = [self.ints[n] for n in self.names]
        floats = list(self.floats.values())
        return ints + [0] * (-len(ints) % 4), floats + [0.0] * (-len(floats) % 4)
