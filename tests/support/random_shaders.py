"""Random fragment shaders by seed, of integers alone: what a GPU and NumPy must agree on to the last bit.

They branch, loop, break, continue and return by what varies from pixel to pixel; functions write globals, lanes and
elements are set one by one.
"""

from __future__ import annotations

import random

LANES = "xyzw"


class RandomShader:
    """The text of a seed: `before` main and its `body` (see pixels.text)."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)
        self.count = 0
        self.functions: list[tuple[str, int]] = []
        pieces = ["int total = 0;", "ivec4 kept = ivec4(1, 2, 3, 4);"]
        for number in range(self.rng.randrange(1, 4)):
            pieces.append(self.function(number))
        self.before = "\n".join(pieces)
        names = ["x", "y"]
        lines = [*self.block(names, 2, False), "ivec4 last = kept;"]
        lines.append("made = vec4(float(total), vec3(last.xyz)) + vec4(0.0, 0.0, 0.0, float(last.w));")
        self.body = "\n".join(lines)

    def name(self) -> str:
        self.count += 1
        return f"v{self.count}"

    def value(self, names: list[str], depth: int = 2) -> str:
        """An int that stays small."""
        pick = self.rng.choice
        kind = self.rng.randrange(4 if depth == 0 else 10)
        if kind == 0:
            return str(self.rng.randrange(8))
        if kind < 3:
            return pick(names)
        if kind == 3:
            return pick([f"kept.{pick(LANES)}", "total"])
        less = [self.value(names, depth - 1) for _ in range(2)]
        if kind < 7:
            return f"(({less[0]} {pick('+-*|^&')} {less[1]}) & 255)"
        if kind == 7:
            return f"({self.condition(names, depth - 1)} ? {less[0]} : {less[1]})"
        if kind == 8:
            return f"int(uint({less[0]} & 255) >> uint({less[1]} & 3))"
        return f"({less[0]} & 255) / {self.rng.randrange(1, 9)}"

    def condition(self, names: list[str], depth: int = 1) -> str:
        a, b = self.value(names, depth), self.value(names, depth)
        test = f"{a} {self.rng.choice(['<', '>', '<=', '>=', '==', '!='])} {b}"
        if depth and self.rng.random() < 0.3:
            return f"({test} {self.rng.choice(['&&', '||'])} {self.condition(names, depth - 1)})"
        return f"(!({test}))" if self.rng.random() < 0.2 else f"({test})"

    def block(self, names: list[str], depth: int, loop: bool, returns: str | None = None) -> list[str]:
        """Statements; returns: what a function may return early."""
        names = list(names)
        lines: list[str] = []
        for _ in range(self.rng.randrange(2, 5)):
            kind = self.rng.randrange(10 if depth else 6)
            if kind == 0:
                lines.append(f"int {self.name()} = {self.value(names)};")
                names.append(f"v{self.count}")
                if self.functions and self.rng.random() < 0.6:  # alone: GLSL does not say what comes first in a + f()
                    called, count = self.rng.choice(self.functions)
                    lines.append(f"int {self.name()} = {called}({', '.join(self.value(names) for _ in range(count))});")
                    names.append(f"v{self.count}")
            elif kind == 1:
                lines.append(f"total = ({self.value(names)} + total) & 1023;")
            elif kind == 2:
                a, b = self.rng.sample(LANES, 2)
                lines.append(f"kept.{a}{b} = ivec2({self.value(names)}, {self.value(names)}) & 255;")
            elif kind == 3:
                lines.append(f"kept[{self.value(names)} & 3] += {self.value(names, 1)} & 7;")
                lines.append("kept &= ivec4(255);".replace("&=", "= kept &"))
            elif kind == 4:
                lines += [] if len(names) < 3 else [f"{self.rng.choice(names[2:])} = {self.value(names)} & 255;"]
            elif kind == 5:
                array = self.name()
                lines.append(f"int {array}[3];")
                lines += [f"{array}[{i}] = {self.value(names, 1)};" for i in range(3)]
                lines.append(f"{array}[imod3({self.value(names)})] = {self.value(names, 1)};")
                lines.append(f"total = (total + {array}[imod3({self.value(names)})]) & 1023;")
            elif kind < 8:
                lines += [f"if {self.condition(names)} {{", *self.inner(names, depth, loop, returns), "}"]
                if self.rng.random() < 0.5:
                    lines += ["else {", *self.inner(names, depth, loop, returns), "}"]
            elif kind >= 8:
                turns = self.name()
                most = str(self.rng.randrange(1, 5)) if self.rng.random() < 0.6 else f"({self.value(names)} & 3)"
                lines += [f"for (int {turns} = 0; {turns} < {most}; {turns}++) {{"]
                lines += [*self.inner([*names, turns], depth, True, returns, fixed=turns), "}"]
        return lines

    def inner(
        self, names: list[str], depth: int, loop: bool, returns: str | None, fixed: str | None = None
    ) -> list[str]:
        # What counts a loop is read under a name of its own, so that no statement sets it.
        lines = []
        if fixed:
            lines.append(f"int {self.name()} = {fixed};")
            names = [n for n in names if n != fixed] + [f"v{self.count}"]
        lines += self.block(names, depth - 1, loop, returns)
        chance = self.rng.random()
        if loop and chance < 0.3:
            lines.append(f"if {self.condition(names)} {self.rng.choice(['break', 'continue'])};")
        elif returns and chance < 0.6:
            lines.append(f"return {self.value(names)};")
        return lines

    def function(self, number: int) -> str:
        count = self.rng.randrange(1, 4)
        names = [f"a{i}" for i in range(count)]
        head = f"int f{number}({', '.join(f'int {n}' for n in names)}) {{"
        lines = self.block([*names, *names], 1, False, returns="int")
        self.functions.append((f"f{number}", count))
        made = "\n".join([head, *lines, f"return {self.value(names)} & 255;", "}"])
        return ("int imod3(int a) { return (a & 255) - (a & 255) / 3 * 3; }\n" if number == 0 else "") + made
