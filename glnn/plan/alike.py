"""Draws of a kernel that differ in little are drawn by one text: a program takes longer to compile than it draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from ..layout.tiles import Layout
from .drafts import DrawSpec

Text = Callable[[DrawSpec], str]


def draw_alike(
    drafts: Iterable[DrawSpec], layout_of: Callable[[DrawSpec], Layout], text: Text, free: bool
) -> None:  # fmt: skip
    """Gives draws without a finish the text of those with one, which then comes with the draw, where one text results.

    What else may differ is whether the last group is full, and how many groups a turn takes.
    text: the key of a draft's; free: whether groups a turn may be changed, as estimates may, and what was measured not
    """
    kinds: dict[Any, dict[Any, list[DrawSpec]]] = {}
    for draft in filter(_simple, drafts):
        layout = layout_of(draft)
        const = tuple((name, value) for name, value in draft.const.items() if name != "GU")
        kind = draft.kernel, draft.looped, draft.rolled, const, layout.block, tuple(draft.inputs), tuple(draft.virtual)
        lanes = layout.dims[3] % 4 > 0
        kinds.setdefault(kind, {}).setdefault((draft.finish, draft.const.get("GU", 1), lanes), []).append(draft)
    for classes in kinds.values():
        bare = [key for key in classes if key[0] is None]
        for plain in bare:
            for other in [key for key in classes if key[0] is not None or bare.index(key) > bare.index(plain)]:
                if (free or plain[1] == other[1]) and _joined(
                    classes[plain], classes[other], max(plain[1], other[1]), plain[2] or other[2], text
                ):
                    break


def _simple(draft: DrawSpec) -> bool:
    """Whether a draw's finish, if it has one, computes with what the kernel made alone."""
    finish = draft.finish
    alone = finish is None or not (finish.tensors or finish.vectors or finish.places)
    return alone and draft.grid is None and draft.parts is None


def _joined(plain: list[DrawSpec], others: list[DrawSpec], turn: int, lanes: bool, text: Text) -> bool:
    """Whether the first of both have one text if they may; then all have it."""
    finish = next((draft.finish for draft in others), None)
    if any(draft.param.get("GN", 0) % turn for draft in (*plain, *others)):
        return False

    def changed(draft: DrawSpec) -> dict[str, Any]:
        made: dict[str, Any] = {"lanes": lanes}
        if "GU" in draft.const:
            made["const"] = draft.const | {"GU": turn}
        if finish is not None:
            made["finish"] = replace(finish, chosen=int(draft.finish is not None))
        return made

    def whole(draft: DrawSpec) -> DrawSpec:
        return replace(draft, **changed(draft))

    if text(whole(plain[0])) != text(whole(others[0])):
        return False
    for draft in (*plain, *others):
        for name, value in changed(draft).items():
            setattr(draft, name, value)
    return True
