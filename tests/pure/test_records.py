"""glnn.records against `dataclasses`, whose place it takes."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from glnn import records

MAKERS = (dataclasses.dataclass, records.dataclass)


def family(dataclass: Callable[..., Any]) -> tuple[Any, Any, Any, Any]:
    """A base, a class of it with a default changed, one whose fields are given by name, a mutable one."""

    @dataclass(frozen=True)
    class Base:
        kind: ClassVar[str] = "base"
        first: int
        second: tuple[int, ...] = (1, 2)
        place: int = dataclasses.field(default=0, compare=False, repr=False)
        held: dict[str, int] = dataclasses.field(default_factory=dict, hash=False)
        _kept: list[int] = dataclasses.field(default_factory=list, init=False, repr=False, hash=False)

    @dataclass(frozen=True)
    class Child(Base):
        place: int = 7
        after: str = "a"

        def __post_init__(self) -> None:
            object.__setattr__(self, "after", self.after * 2)

        def __repr__(self) -> str:
            return "child"

    @dataclass(frozen=True, kw_only=True, eq=False)
    class Named(Base):
        last: int
        more: int = 3

    @dataclass
    class Mutable:
        count: int
        names: list[str] = dataclasses.field(default_factory=list)

    return Base, Child, Named, Mutable


FAMILIES = tuple(map(family, MAKERS))
CALLS: tuple[tuple[int, tuple[Any, ...], dict[str, Any]], ...] = (
    (0, (1,), {}), (0, (1, (3,)), {"held": {"a": 1}}), (0, (2, (), 5, {}), {}), (1, (1,), {}),
    (1, (1, (), 2), {"after": "b"}), (2, (1,), {"last": 2}), (2, (1,), {"last": 2, "more": 4}),
    (3, (1,), {}), (3, (1, ["x"]), {}),
)  # fmt: skip


@pytest.mark.parametrize("number, args, options", CALLS)
def test_makes_what_dataclasses_make(number: int, args: tuple, options: dict) -> None:
    (theirs, again, ours, once) = (kinds[number](*args, **options) for kinds in (*FAMILIES[:1] * 2, *FAMILIES[1:] * 2))
    assert dataclasses.asdict(theirs) == dataclasses.asdict(ours) and vars(theirs).keys() == vars(ours).keys()
    assert repr(theirs) == repr(ours)
    assert (theirs == again) == (ours == once) and (ours == theirs) is False
    if number == 3:
        with pytest.raises(TypeError, match="unhashable"):
            hash(ours)
        ours.count = 5
        assert ours.count == 5
    else:
        assert (hash(theirs) == hash(again)) == (hash(ours) == hash(once))
    first = dataclasses.fields(ours)[0].name
    assert dataclasses.asdict(dataclasses.replace(theirs, **{first: 9})) == dataclasses.asdict(
        dataclasses.replace(ours, **{first: 9})
    )
    assert dataclasses.asdict(copy.deepcopy(ours)) == dataclasses.asdict(ours)


@pytest.mark.parametrize("number", range(4))
def test_classes_look_as_those_of_dataclasses(number: int) -> None:
    theirs, ours = (kinds[number] for kinds in FAMILIES)
    assert dataclasses.is_dataclass(ours)
    assert str(inspect.signature(theirs)).replace("<factory>", "-") == str(inspect.signature(ours)).replace(
        "<class 'dict'>", "-"
    ).replace("<class 'list'>", "-")
    assert theirs.__match_args__ == ours.__match_args__
    assert [(f.name, f.default, f.type) for f in dataclasses.fields(theirs)] == [
        (f.name, f.default, f.type) for f in dataclasses.fields(ours)
    ]
    for name in ("first", "second", "place", "held", "count", "names"):  # a default is an attribute of the class
        assert getattr(theirs, name, "none") == getattr(ours, name, "none")
    with pytest.raises(TypeError, match="missing 1 required positional argument|missing 1 required keyword-only"):
        ours() if number != 2 else ours(1)


def test_a_frozen_one_refuses_changes_and_so_do_classes_made_of_it_by_dataclasses() -> None:
    base = FAMILIES[1][0]

    @dataclasses.dataclass(frozen=True)
    class Theirs(base):  # type: ignore[misc, valid-type]
        last: int = 4

    @records.dataclass(frozen=True)
    class Ours(Theirs):
        least: int = 5

    for made in (base(1), Theirs(1), Ours(1, last=2)):
        for name in ("first", "unknown"):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(made, name, 3)
        with pytest.raises(dataclasses.FrozenInstanceError):
            del made.first
    assert dataclasses.asdict(Ours(1, last=2)) == dataclasses.asdict(Theirs(1, last=2)) | {"least": 5}
    assert Ours(1, last=2) == Ours(1, last=2) != Ours(1, last=3)
    with pytest.raises(TypeError, match="frozen"):

        @dataclasses.dataclass
        class Mutable(base):  # type: ignore[misc, valid-type]
            last: int = 4


def test_what_is_pickled_comes_back() -> None:
    from glnn.graph.graph import TensorSpec

    spec = TensorSpec("x", (None, 3))
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_mutable_default_is_refused() -> None:
    with pytest.raises(ValueError, match="mutable default"):

        @records.dataclass(frozen=True)
        class Wrong:
            names: list[str] = []
