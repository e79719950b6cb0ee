"""Random trees of the kernel language, by seed: what parser and printer are held against."""

from __future__ import annotations

import random

from glnn.kernels.language.tree import (
    PRECEDENCE,
    Assign,
    Binary,
    Block,
    Call,
    Choice,
    Declare,
    Do,
    Expr,
    For,
    Function,
    If,
    Index,
    Item,
    Jump,
    Member,
    Name,
    Number,
    Param,
    Return,
    Statement,
    Tree,
    Unary,
)

OPERATORS = [op for op in PRECEDENCE if op not in ("|", "^", "&", "<<", ">>")]
NAMES = "a b i v best taps".split()


class Random:
    """Trees of a seed."""

    def __init__(self, seed: int):
        self.rng = random.Random(seed)

    def expr(self, depth: int = 4) -> Expr:
        pick = self.rng.choice
        if depth == 0 or self.rng.random() < 0.15:
            return pick([Name(pick(NAMES)), Number(pick(["1.0", "3", "1e-3", ".5", "0x1f", "true"]))])
        less = depth - 1
        kind = self.rng.randrange(8)
        if kind < 3:
            return Binary(pick(OPERATORS), self.expr(less), self.expr(less))
        if kind == 3:
            return Unary(pick("-+!"), self.expr(less))
        if kind == 4:
            return Choice(self.expr(less), self.expr(less), self.expr(less))
        if kind == 5:
            of = self.expr(less)
            return of if isinstance(of, Number) else Member(of, pick(["x", "xy", "wzyx"]))
        if kind == 6:
            return Index(self.expr(less), self.expr(less))
        args = tuple(self.expr(less) for _ in range(self.rng.randrange(4)))
        return Call(pick(["f", "vec4", "x_tap"]), args)

    def place(self) -> Expr:
        e: Expr = Name(self.rng.choice(NAMES))
        for _ in range(self.rng.randrange(3)):
            e = Member(e, "x") if self.rng.random() < 0.5 else Index(e, self.expr(1))
        return e

    def statement(self, depth: int = 3, declared: bool = True) -> Statement:
        pick, expr = self.rng.choice, self.expr
        kind = self.rng.randrange(5 if depth == 0 else 9)
        if kind == 0 and declared:
            items = tuple(self.item() for _ in range(self.rng.randrange(1, 3)))
            return Declare(pick(["float", "vec4", "int", "mat4"]), items)
        if kind == 1:
            return Return(pick([None, expr()]))
        if kind == 2:
            return pick([Do(Call("f", (expr(2),))), Jump("break"), Jump("continue")])
        if kind < 5:
            return Assign(self.place(), pick(["", "+", "-", "*", "/"]), expr())
        if kind == 5:
            return self.block(depth - 1)
        if kind == 6:
            step = pick([None, expr(1)])
            return For("i", expr(1), expr(2), step, self.statement(depth - 1, False))
        if self.rng.random() < 0.5:
            return If(expr(2), self.statement(depth - 1, False))
        return If(expr(2), self.block(depth - 1), self.statement(depth - 1, False))

    def item(self) -> Item:
        name = self.rng.choice(NAMES)
        return self.rng.choice([Item(name), Item(name, self.expr(1)), Item(name, None, self.expr())])

    def block(self, depth: int = 3) -> Block:
        return Block(tuple(self.statement(depth) for _ in range(self.rng.randrange(4))))

    def tree(self) -> Tree:
        """A constant and two functions."""
        constant = Declare("float", (Item("K", None, self.expr()),), True)
        helper = Function("float", "f", (Param("float", "v"), Param("int", "k")), self.block())
        return Tree((constant, helper, Function("void", "g", (), self.block())))
