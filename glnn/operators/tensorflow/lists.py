"""TensorLists and TensorArrays: values that are lists of tensors. A TensorArray's list is what its flow carries."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...layers.operators import OPERATORS
from ..say import Misfit, Say
from . import tensorflow
from .joins import concat, pack, parts

Tensors = list[Any]


def element_sizes(t: Say, shape: Any) -> list[int]:
    """The shape of an element where a list tells it; [] where it does not."""
    if shape is None or isinstance(shape, list):
        return []
    sizes = list(t.sizes(shape))
    return [] if any(size < 0 for size in sizes) else sizes


@tensorflow("EmptyTensorList")
def empty_tensor_list(t: Say, shape: Any, most: Any = None) -> Tensors:
    """A list of nothing."""
    return []


@tensorflow("TensorListReserve")
def tensor_list_reserve(t: Say, shape: Any, count: Any) -> Tensors:
    """A list of so many elements that are to be set."""
    return [None] * int(t.number(count))


@tensorflow("TensorListFromTensor")
def tensor_list_from_tensor(t: Say, x: Any, shape: Any = None) -> Tensors:
    """The rows of a tensor."""
    rows = OPERATORS["unstack"].function(t, x, None, 0) if x.shape[0] != 0 else []
    return [t.give(row, x.dtype) for row in rows]


@tensorflow("TensorListSetItem", ignores=("resize_if_index_out_of_bounds",))
def tensor_list_set_item(t: Say, handle: Tensors, index: Any, item: Any) -> Tensors:
    """The list with another element at a place."""
    place = int(t.number(index))
    longer = [*handle, *[None] * (place + 1 - len(handle))]
    return [*longer[:place], item, *longer[place + 1 :]]


@tensorflow("TensorListGetItem")
def tensor_list_get_item(t: Say, handle: Tensors, index: Any, shape: Any = None) -> Any:
    """The element at a place; zeros where it was never set."""
    place = int(t.number(index))
    if not 0 <= place < len(handle):
        raise Misfit(f"element {place} of a list of {len(handle)}")
    return known(t, handle, [place], shape)[0]


def known(t: Say, handle: Tensors, places: Any, shape: Any = None) -> Tensors:
    """Elements of a list; those that were never set are zeros. Raises Misfit where nothing tells of what shape."""
    like = next((x for x in handle if x is not None), None)
    sizes = list(t.static(like)) if like is not None else element_sizes(t, shape)
    if like is None and not sizes and any(handle[k] is None for k in places):
        raise Misfit("elements of a list that were never set, of a shape that is not told")
    blank = np.zeros(sizes, like.dtype if like is not None else "float32")
    return [t.give(blank) if handle[k] is None else handle[k] for k in places]


@tensorflow("TensorListStack")
def tensor_list_stack(t: Say, handle: Tensors, shape: Any = None) -> Any:
    """The elements along a new first axis."""
    return stacked(t, handle, range(len(handle)), shape)


def stacked(t: Say, handle: Tensors, places: Any, shape: Any = None) -> Any:
    """Elements of a list along a new first axis."""
    if not len(places):
        like = next((x for x in handle if x is not None), None)
        sizes = t.static(like) if like is not None else element_sizes(t, shape)
        return np.zeros((0, *sizes), "float32" if like is None else like.dtype)
    some = known(t, handle, places, shape)
    arrays: list[Any] = [getattr(x, "array", None) for x in some]
    if all(array is not None for array in arrays):
        return np.stack(arrays)
    return t.give(pack(t, *some), some[0].dtype)


@tensorflow("TensorListGather")
def tensor_list_gather(t: Say, handle: Tensors, indices: Any, shape: Any = None) -> Any:
    """Elements by their numbers along a new first axis."""
    return stacked(t, handle, list(t.sizes(indices)), shape)


@tensorflow("TensorListScatter", "TensorListScatterV2")
def tensor_list_scatter(t: Say, x: Any, indices: Any, shape: Any = None, count: Any = None) -> Tensors:
    """A list with the rows of a tensor at these places."""
    return tensor_array_scatter(t, None, indices, x, [None] * max(0, -1 if count is None else int(t.number(count))))


@tensorflow("TensorListPushBack")
def tensor_list_push_back(t: Say, handle: Tensors, item: Any) -> Tensors:
    """The list with one more element."""
    return [*handle, item]


@tensorflow("TensorListPopBack")
def tensor_list_pop_back(t: Say, handle: Tensors, shape: Any = None) -> Any:
    """The list without its last element, and that."""
    if not handle:
        raise Misfit("the last element of an empty list")
    return handle[:-1], known(t, handle, [len(handle) - 1], shape)[0]


@tensorflow("TensorListLength")
def tensor_list_length(t: Say, handle: Tensors) -> Any:
    """How many elements a list has."""
    return np.asarray(len(handle), np.int32)


@tensorflow("TensorListResize")
def tensor_list_resize(t: Say, handle: Tensors, size: Any) -> Tensors:
    """The list with so many elements."""
    count = int(t.number(size))
    return [*handle[:count], *[None] * (count - len(handle))]


@tensorflow("TensorListConcat", "TensorListConcatV2")
def tensor_list_concat(t: Say, handle: Tensors, *_: Any) -> Any:
    """The elements one after the other along their first axis."""
    some = known(t, handle, range(len(handle)))
    made = concat(t, *some, np.asarray(0))
    lengths = [t.static(x)[0] for x in some]
    return t.give(made, some[0].dtype), np.asarray(lengths, np.int32)


@tensorflow("TensorListSplit")
def tensor_list_split(t: Say, x: Any, shape: Any, lengths: Any) -> Tensors:
    """Parts of a tensor along its first axis, of these lengths."""
    return list(parts(t, x, t.sizes(lengths), 0))


# ---- TensorArrays


@tensorflow("TensorArrayV3")
def tensor_array(t: Say, size: Any) -> Any:
    """An array of so many elements that are to be set: its handle, and the flow that carries it."""
    return [], [None] * int(t.number(size))


@tensorflow("TensorArrayWriteV3")
def tensor_array_write(t: Say, handle: Any, index: Any, item: Any, flow: Tensors) -> Tensors:
    """The array with another element at a place."""
    return tensor_list_set_item(t, flow, index, item)


@tensorflow("TensorArrayReadV3")
def tensor_array_read(t: Say, handle: Any, index: Any, flow: Tensors) -> Any:
    """The element at a place."""
    return tensor_list_get_item(t, flow, index)


@tensorflow("TensorArrayGatherV3")
def tensor_array_gather(t: Say, handle: Any, indices: Any, flow: Tensors) -> Any:
    """Elements by their numbers along a new first axis."""
    return stacked(t, flow, list(t.sizes(indices)))


@tensorflow("TensorArrayScatterV3")
def tensor_array_scatter(t: Say, handle: Any, indices: Any, x: Any, flow: Tensors) -> Tensors:
    """The array with the rows of a tensor at these places."""
    places = t.sizes(indices)
    made = [*flow, *[None] * (max(places, default=-1) + 1 - len(flow))]
    for place, row in zip(places, tensor_list_from_tensor(t, x), strict=True):
        made[place] = row
    return made


@tensorflow("TensorArrayConcatV3")
def tensor_array_concat(t: Say, handle: Any, flow: Tensors) -> Any:
    """The elements one after the other along their first axis."""
    return tensor_list_concat(t, flow)


@tensorflow("TensorArraySplitV3")
def tensor_array_split(t: Say, handle: Any, x: Any, lengths: Any, flow: Tensors) -> Tensors:
    """The array of parts of a tensor along its first axis, of these lengths."""
    return list(parts(t, x, t.sizes(lengths), 0))


@tensorflow("TensorArraySizeV3")
def tensor_array_size(t: Say, handle: Any, flow: Tensors) -> Any:
    """How many elements an array has."""
    return np.asarray(len(flow), np.int32)


@tensorflow("TensorArrayCloseV3")
def tensor_array_close(t: Say, handle: Any) -> Any:
    """Nothing."""
    return ()
