"""What layers draw with while a graph is lowered: draws before their textures are known, and the weights they name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from ..errors import KernelError
from ..graph.graph import ActivationCodec, Graph, Node
from ..graph.quantized import Quantized
from ..graph.shapes import Shape, canonical, ceil_div, numbers
from ..kernels.files import KernelSource, load_kernel
from ..kernels.parts import Parted
from ..kernels.tiles import load_tiles
from ..layout.blocks import Blocks
from ..layout.limits import Limits
from ..layout.tiles import Layout
from ..layout.tiling import MAX_NUMBER, Grid
from ..primitives.base import Epilogue, Parts, Primitive, Recipe, Source, Value, Window
from ..primitives.functions import Function
from ..primitives.pick import Pick
from ..primitives.sums import groups_per_turn
from ..primitives.turns import Body, Counted, Sliced
from .apart import in_parts
from .choice import BY_COST, Choice, Chosen, Workload, fitting
from .drafts import DrawSpec, RepeatSpec
from .epilogue import as_epilogue, as_map, bind, bind_parts, result_shape
from .lowering import draw_nodes, path, store_activations
from .repeats import draw_repeat
from .sources import BoundSources, bind_sources, short
from .tensors import Tensors
from .weights import WeightPlan, WeightPlans, WeightStore


class PlanBuilder(Tensors):
    """The Builder that layers draw with: collects draws, tensors and weights."""

    def __init__(
        self, limits: Limits, store: WeightStore, common: tuple[int, int] | None = None, choice: Choice = BY_COST
    ):
        super().__init__(limits, Blocks(common, tuple(sorted(choice.blocks.items()))))
        self.store, self.choice = store, choice
        self.chosen: list[Chosen] = []  # of what could be drawn in more than one way
        self.steps: list[DrawSpec | RepeatSpec] = []
        self.node: Node | None = None
        self._weights = WeightPlans(limits, store)
        self._into = self.steps  # what is being drawn into: the plan's steps or a repeat's
        self._over: list[range] = []  # numbers of values that were made in repeats which are done
        self.fresh: set[int] = set()  # values that a repeat alone reads
        self.words: dict[int, tuple[str, str]] = {}  # of values: what each is called, and its layer
        self._root = ""  # the layer around what is drawn in turns

    @property
    def weights(self) -> list[WeightPlan]:
        """The weights by number."""
        return list(self._weights.plans.values())

    def begin(self, node: Node) -> None:
        """What is drawn from now on belongs to this node."""
        self.node = node

    # ---- repeats and graphs

    def repeat(
        self,
        count: int,
        body: Body,
        carried: Sequence[Value | np.ndarray] = (),
        sliced: Sequence[Sliced] = (),
        reverse: Sequence[bool] = (),
    ) -> list[Value]:
        """See primitives.turns.TurnBuilder."""
        return draw_repeat(self, count, body, carried, sliced, reverse)

    @contextmanager
    def within(self, spec: RepeatSpec) -> Iterator[None]:
        """What is drawn meanwhile is drawn in the turns of this repeat, and read only there."""
        before, first = self._into, len(self.layouts)
        self._into = spec.steps
        try:
            yield
        finally:
            self._into = before
        self._over.append(range(first, len(self.layouts)))
        before.append(spec)

    def close(self, value: Value) -> None:
        """Nothing that is drawn from now on may read this value."""
        self._over.append(range(value.id, value.id + 1))

    def graph(
        self,
        graph: Graph,
        inputs: Mapping[str, Value],
        weights: Callable[[Node], Mapping[str, Any]],
        exact: frozenset[str] = frozenset(),
    ) -> list[Value]:
        """See primitives.turns.TurnBuilder."""
        outer, root = self.node, self._root
        if outer:
            nodes = (node.with_(name=f"{outer.name}/{node.name}", label=path(outer, node)) for node in graph.nodes)
            graph, self._root = graph.with_(nodes=tuple(nodes)), root or outer.label
        try:
            values = draw_nodes(self, graph, inputs, weights)
        finally:
            self.node = outer
        store_activations(self, graph, values, exact)
        self._call(graph, values, outer.label if outer else "")
        self._root = root
        return [values[name] for name in graph.outputs]

    def _call(self, graph: Graph, values: Mapping[str, Value], around: str) -> None:
        """Says how what is drawn in a turn is called: as the layer that makes it, as a state, or as its primitive."""
        states = dict(zip(reversed(graph.outputs), reversed(graph.output_names), strict=False))
        for node in graph.nodes:
            for name in node.outputs:
                state, value = states.get(name, name), values[name]
                if isinstance(node.layer, Pick) and node.layer.called:
                    self.words[value.id] = f"{around}/{node.layer.called}", self._root
                if value.id not in self._drawn or value.id in self.words:
                    continue
                word = type(node.layer).__name__.lower() if state == name else state
                self.words[value.id] = node.label if node.label != around else f"{around}/{word}", self._root

    # ---- draws

    def choose(self, primitive: Primitive, inputs: Sequence[Value], weights: Mapping[str, Any]) -> Recipe:
        """See primitives.base.Builder."""
        recipes = primitive.recipes(inputs, weights)
        able = fitting(recipes, self.limits)
        if len(able) == 1:
            return able[0]
        shapes = tuple(tuple(map(int, value.shape)) for value in inputs)
        _, h, w, _ = canonical(numbers(primitive.shape(*shapes)))
        blocks = *(self.layouts[self.home(value).id].block for value in inputs), self.block_of(h, w)
        lying = tuple(None if value.id in self.in_place else self._lying(value) for value in inputs)
        workload = Workload(primitive, shapes, weights, blocks, lying)
        recipe = self.choice.recipe(workload, recipes, self.limits)
        names = tuple(one.name for one in able)
        self.chosen.append(Chosen(self.node.label if self.node else "", workload, recipe.name, names))
        return recipe

    def _lying(self, value: Value) -> tuple[Layout, ActivationCodec]:
        return self.layouts[value.id], self.codecs[value.id]

    def draw(
        self,
        kernel: str | KernelSource,
        shape: Shape,
        inputs: Mapping[str, Source],
        *,
        cells: Mapping[str, np.ndarray] | None = None,
        tensors: Mapping[str, np.ndarray] | None = None,
        const: Mapping[str, int | float] | None = None,
        param: Mapping[str, int | Counted] | None = None,
        uniform: Mapping[str, float] | None = None,
        finish: Epilogue | Function | None = None,
        window: Mapping[str, Window] | None = None,
        looped: bool = False,
        grid: Grid | None = None,
        rolled: tuple[str, ...] = (),
        parts: Parts | None = None,
    ) -> Value:
        """See primitives.base.Builder."""
        options: Any = dict(cells=cells, tensors=tensors, const=const, param=param, window=window, looped=looped)
        options |= {"uniform": uniform, "grid": grid, "rolled": rolled, "parts": parts}
        if isinstance(kernel, str):
            kernel = load_kernel(kernel) if grid is None else load_tiles(kernel)
        sources = bind_sources(self, inputs, kernel.blocked or kernel.tiled, self._weight_units(options))
        options["tensors"] = {**(tensors or {}), **sources.tensors}
        epilogue = as_epilogue(finish)
        if epilogue is None or parts:
            return self._draw(kernel, shape, sources, epilogue, **options)
        whole = result_shape(shape, epilogue)
        if 0 not in epilogue.tensors and (whole != shape or not self._room(sources, options, epilogue)):
            result = self._draw(kernel, shape, sources, None, **options)
            return self.draw("map", whole, {}, finish=as_map(epilogue, result))
        if 0 in epilogue.tensors and not sources.inputs:
            epilogue = in_parts(self, epilogue, whole)
        return self._draw(kernel, whole, sources, epilogue, **options)

    def room(self, weights: Mapping[str, np.ndarray], *read: Value) -> bool:
        """See primitives.base.Builder."""
        taken = self._weight_units({"cells": weights, "tensors": None})
        return taken + sum(map(self.units, read)) <= self.limits.texture_units

    def tiles(self, shape: Shape, *read: Value) -> bool:
        """See primitives.base.Builder."""
        if self.limits.stage != "compute" or self._into is not self.steps:  # what turns write moves with them
            return False
        layouts = [self.layouts[self.home(value).id] for value in read]
        layouts.append(self._layout(shape, ActivationCodec(self.limits.float_target), True, False))
        return all(layout.tiles < MAX_NUMBER for layout in layouts)

    def draws_of(self, spec: DrawSpec) -> int:
        """How many draws a draft becomes: one for each part of what it makes, one of tiles for all of them."""
        return 1 if spec.grid is not None else self.layouts[spec.out.id].parts

    def _room(self, sources: BoundSources, options: Mapping[str, Any], epilogue: Epilogue) -> bool:
        """Whether a draw has texture units left for the tensors of an epilogue."""
        units = sum(map(self.units, (*sources.inputs.values(), *epilogue.tensors.values())))
        units += self._weight_units(options)
        units += sum(1 + isinstance(getattr(w, "values", w), Quantized) for w in epilogue.weights.values())
        return units <= self.limits.texture_units

    def _weight_units(self, options: Mapping[str, Any]) -> int:
        """How many texture units the weights of a draw take, with their scales."""
        units = 0
        for kind in ("cells", "tensors"):
            for name, array in (options[kind] or {}).items():
                units += self._weights.units(self._weight(array, name, kind == "cells"))
        return units

    def _weight(self, array: Any, name: str, cells: bool) -> int:
        """The number of a weight of the node that is being drawn."""
        return self._weights.add(array, f"{self.node.name if self.node else ''}/{name}", cells)

    def _draw(
        self,
        source: KernelSource,
        shape: Shape,
        sources: BoundSources,
        epilogue: Epilogue | None,
        *,
        cells: Mapping[str, np.ndarray] | None,
        tensors: Mapping[str, np.ndarray] | None,
        const: Mapping[str, int | float] | None,
        param: Mapping[str, int | Counted] | None,
        uniform: Mapping[str, float] | None,
        window: Mapping[str, Window] | None,
        looped: bool,
        grid: Grid | None,
        rolled: tuple[str, ...],
        parts: Parts | None,
    ) -> Value:
        inputs = sources.inputs
        counts = {k: v.steps for k, v in (param or {}).items() if isinstance(v, Counted)}
        params = {k: v.first if isinstance(v, Counted) else int(v) for k, v in (param or {}).items()}
        const = {**(const or {})}
        try:
            if "GN" in source.declared["param"]:
                params = {"G0": 0, "GN": ceil_div(inputs["x"].shape[-1], 4)} | params
            turns, taps = params.get("GN", 0), 0
            if "GU" in source.declared["const"] and "GU" not in const:
                const["GU"], taps = 1, 0 if rolled else int(const["KH"] * const["KW"])
        except KeyError as error:
            needs = "GN and GU follow from the input x and the consts KH and KW"
            raise KernelError(f"{source.file}: {needs}; {error} is missing") from None
        params = {k: params[k] for k in source.declared["param"] if k in params} | params
        whole = (*shape[:-1], shape[-1] * parts.count) if parts else shape  # of what the finish is computed of
        finish = bind(self, epilogue, whole) if epilogue else None
        ends = bind_parts(self, parts, shape) if parts else None
        for bound in filter(None, (finish, ends)):
            inputs, tensors = {**inputs, **bound.inputs}, {**(tensors or {}), **bound.tensors}
            cells, window = {**(cells or {}), **bound.cells}, {**(window or {}), **bound.windows}
        cell_numbers = {k: self._weight(v, k, True) for k, v in (cells or {}).items()}
        tensor_numbers = {k: self._weight(v, k, False) for k, v in (tensors or {}).items()}
        for name, number in {**cell_numbers, **tensor_numbers}.items():
            scales = self._weights.scales(number)
            if scales is not None:
                cell_numbers[f"{name}_q"] = scales
        for name, value in inputs.items():
            if any(value.id in numbers for numbers in self._over):
                raise KernelError(f"{source.file}: input {name} was made in a turn of a repeat, and is read outside it")
        blocked = (source.blocked or source.tiled or (source.each and short(sources, finish))) and not looped
        rows = parts.results if parts else int(source.row)
        out = self.value(shape, blocked, rows)
        if taps == 1 and self.layouts[out.id].layers == 1:
            const["GU"] = groups_per_turn(turns)
        self._drawn[out.id] = blocked, rows
        self._whole.update({out.id} if parts else ())
        where = self.node.label if self.node else source.name
        self._into.append(
            DrawSpec(
                source,
                out,
                dict(inputs),
                sources.virtual,
                tensor_numbers,
                cell_numbers,
                const,
                params,
                finish.finish if finish else None,
                window or {},
                where,
                looped,
                counts,
                dict(uniform or {}),
                grid,
                rolled,
                Parted(parts.count, parts.results, ends.finish) if parts and ends else None,
            )  # fmt: skip
        )
        return out
