"""Masks as Keras hands them on from layer to layer: put into a model as tensors where a layer takes one.

A mask is made of what a layer reads (Masking, Embedding), goes on through layers that pass it, and ends at others. What
nobody takes is never computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ...layers.base import Layer
from ...layers.merging import Concatenate, Maximum, Minimum, _Merge
from ...layers.wrappers import AnyLeft, Fold, StepMasks, Unfold
from ...records import dataclass
from .steps import Document, Step
from .versions import numbered
from .walk import Builder
from .weights.entries import Entry


@dataclass(frozen=True)
class Mask:
    """A mask that no tensor holds yet: what a layer makes of tensors and of other masks. One `problem` is no mask."""

    layer: Layer | None
    of: tuple[str | Mask, ...] = ()
    problem: str = ""


Known = str | Mask | None  # a tensor that holds a mask, one that is to be computed, or that there is none


def hand_on(builder: Builder) -> None:
    """Gives each layer that takes masks that of its first input, as its last input."""
    masks: dict[str, Known] = {}
    steps: list[Step] = []
    for step in builder.steps:
        layer = step.layer
        if layer is None:
            steps.append(step)
            continue
        mask: Known = step.mask or masks.get(step.inputs[-1 if isinstance(layer, Unfold) else 0])
        if step.mask is None and isinstance(layer, _Merge | Concatenate) and len(step.inputs) > 1:
            mask = merged(layer, [masks.get(name) for name in step.inputs], builder.doc.version)
        lone = builder.doc.version < 3 or step.mask is not None or len(step.inputs) == 1
        if mask is not None and layer.takes_masks and lone:  # Keras 3 hands a mask to layers of one tensor alone
            name = held(builder, steps, step, masks, mask)
            if name is not None:
                step.inputs, step.made = [*step.inputs, name], masked(layer, builder.doc)
                mask = name
        if layer.signature:
            attend(builder, steps, step, masks)
        steps.append(step)
        inner = masks.get(step.inputs[0]) if isinstance(layer, Unfold) and builder.doc.version < 3 else None
        masks |= dict(zip(step.outputs, after(layer, step, mask, inner, builder.doc.version), strict=False))
    builder.steps[:] = steps


# The mask of an input, by its name -> the name of the input that it becomes.
OF_INPUTS = {"query": "query_mask", "value": "value_mask", "key": "key_mask", "inputs": "mask", "inputs.0": "mask.0",
             "inputs.1": "mask.1"}  # fmt: skip
ENDS_MASKS = frozenset(("SpectralNormalization",))  # wrappers that pass no mask, though the layer in them may
HEADS_SINCE = (2, 10)  # attention of several heads takes masks that are handed on


def attend(builder: Builder, steps: list[Step], step: Step, masks: dict[str, Known]) -> None:
    """Gives a layer of several named inputs the masks of these, where its call names none."""
    layer: Any = step.layer
    explicit = any(name.partition(".")[0] == "mask" for name in layer.given)
    old = builder.doc.version < 3 and (numbered(builder.doc.release) or HEADS_SINCE) < HEADS_SINCE
    if explicit or (old and "query" in layer.given):
        return
    for given, read in list(zip(layer.given, step.inputs, strict=True)):
        wanted, mask = OF_INPUTS.get(given), masks.get(read)
        if wanted is None or mask is None or wanted in layer.given:
            continue
        name = held(builder, steps, step, masks, mask)
        if name is not None:
            layer = replace(layer, given=(*layer.given, wanted))
            step.inputs, step.made = [*step.inputs, name], layer


def masked(layer: Any, doc: Document) -> Any:
    """The layer with a mask as its last input.

    Where the first steps are masked, TensorFlow gives 0; JAX the state before them, as far as one is given.
    """
    zero = {"zero_start": True} if doc.version < 3 or doc.backend == "tensorflow" else {}
    if getattr(layer, "backward_layer", None) is not None:
        one, other = (replace(part, **zero) for part in (layer.layer, layer.backward_layer))
        layer = replace(layer, layer=one, backward_layer=other)
    return replace(layer, masked=True, **(zero if hasattr(layer, "zero_start") else {}))


def after(layer: Layer, step: Step, mask: Known, inner: Known, version: int) -> list[Known]:
    """The masks of what a layer makes; inner: that of what a layer at each step made of one step.

    After a layer at each step, Keras 3 goes on with the mask before it, Keras 2 with what the layer made of that, or
    with whether it left anything of a step.
    """
    if isinstance(layer, Fold):
        return [Mask(StepMasks(), (mask,))] if mask is not None else []
    if isinstance(layer, Unfold) and version < 3:
        if inner is not None:
            return [Mask(Unfold(), (inner, step.inputs[-1]))]
        return [Mask(AnyLeft(), (mask,))] if mask is not None else []
    made = layer.mask_of()
    if made is not None:
        return [Mask(made, (step.inputs[0],))]
    ends = step.entry.class_name in ENDS_MASKS
    if ends or not layer.passes_mask or not getattr(layer, "return_sequences", True):
        return []
    return [mask, mask] if getattr(layer, "merge_mode", "") is None else [mask]


def merged(layer: Layer, masks: Sequence[Known], version: int) -> Known:
    """The mask of what a layer makes of several tensors. Versions of Keras agree where all have the same."""
    given = [mask for mask in masks if mask is not None]
    if not given or not layer.passes_mask:
        return None
    if len(given) == len(masks) and len(set(given)) == 1 and getattr(layer, "axis", -1) != 1:
        return given[0]
    if isinstance(layer, Concatenate):
        if layer.axis == 1 and len(given) == len(masks):
            return Mask(Concatenate(1), tuple(given))
        if layer.axis != -1:
            return Mask(None, problem=f"masks of Concatenate along axis {layer.axis}, of which some inputs have none")
        if version >= 3:  # any of them, and what has no mask is all there
            return Mask(Maximum(), tuple(given)) if len(given) == len(masks) else None
    if version >= 3:
        kind = type(layer).__name__
        return Mask(
            None, problem=f"different masks of the inputs of {kind} (releases of Keras 3 join them differently)"
        )
    return given[0] if len(set(given)) == 1 else Mask(Minimum(), tuple(given))


def held(builder: Builder, steps: list[Step], step: Step, masks: dict[str, Known], mask: str | Mask) -> str | None:
    """As `tensor`; whatever else has this mask has that tensor from then on."""
    name = tensor(builder, steps, step, mask)
    if name is not None:
        masks |= {key: name for key, known in masks.items() if known is mask}
    return name


def tensor(builder: Builder, steps: list[Step], step: Step, mask: str | Mask) -> str | None:
    """The name of the tensor of a mask, whose steps are added if there is none; None where there can't be one."""
    if isinstance(mask, str):
        return mask
    if mask.layer is None:
        builder.problems.append(f"{step.entry.path} ({step.entry.class_name}): {mask.problem}")
        return None
    reads = [tensor(builder, steps, step, of) for of in mask.of]
    if None in reads:
        return None
    name = builder.unique(f"{step.entry.path}/mask")
    entry = Entry(name, step.entry.path, type(mask.layer).__name__, layer=mask.layer)
    steps.append(Step(name, entry, [read for read in reads if read], [name]))
    return name
