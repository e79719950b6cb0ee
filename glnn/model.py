"""The facade: load a model, predict, look at it, close it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import formats, passes
from .arguments import DEVICE, FLAG, FUNCTION, NAME, NAMES, PATH, SHAPE, SHAPES, VERBOSE, checked, instance, number
from .graph.graph import Graph, Node, TensorSpec, validate
from .graph.shapes import shape_text
from .layout.limits import Limits
from .measure.methods import Measured
from .plan.plan import Plan
from .run.inputs import first_states, plan_shapes, shaped, web_shapes, whole_inputs, with_states
from .run.session import Session

if TYPE_CHECKING:
    from .device.device import Device
    from .show.reports.quantized import QuantReport
    from .show.reports.tuned import Tuned
    from .show.summary import Summary

StrPath = str | os.PathLike[str]


class Model(Measured):
    """A trained model that predicts through shaders. Make one with `Model.load`, free it with `close()` or `with`."""

    @checked(graph=instance("a Graph; files are loaded by glnn.Model.load(path)", Graph), device=DEVICE, tune=FLAG)
    def __init__(
        self, graph: Graph, device: Device | None = None, report: QuantReport | None = None, tune: bool | None = None
    ):
        self.graph = validate(graph)
        self.session = Session(passes.optimize(graph), device, tune)
        self.report = report  # what `quantize` did to make this model

    @classmethod
    def load(
        cls, path: Any, weights: StrPath | None = None, metadata: StrPath | None = None,
        device: Device | None = None, custom_objects: Mapping[str, Any] | None = None, verbose: Any = "auto",
        host: bool = True, tune: bool | None = None,
    ) -> Model:  # fmt: skip
        """The model in a file, in a folder that holds one, at a URL, or one of Keras; no OpenGL before a predict.

        path: str or os.PathLike; or a Sequential or functional model of Keras 2 or 3, whose weights are copied
        weights, metadata, custom_objects (layers and functions by name), verbose, host (whether NumPy may compute what
        depends on values), exceptions: see glnn.formats.load
        device: where to run; None: the process's default device
        tune:   True measures, before the first predict for inputs of some shapes, how this device draws the model
                fastest, and keeps it for later loads on this machine (see `tune`); False goes by estimates alone
        """
        model = cls(formats.load(path, weights, metadata, custom_objects, verbose, host), device, tune=tune)
        model.origin = path
        return model

    @property
    def name(self) -> str:
        """The model's own name."""
        return self.graph.name

    @property
    def inputs(self) -> list[TensorSpec]:
        """Name, shape (batch first, None where free) and dtype of each input."""
        return list(self.graph.given)

    @property
    def optimized(self) -> Graph:
        """The graph as it runs: what passes made of `graph`."""
        return self.session.graph

    @property
    def outputs(self) -> list[TensorSpec]:
        """Name and shape (batch first, None where free) of each output."""
        return self.graph.output_specs()

    @property
    def layers(self) -> list[Node]:
        """The layers in the order in which they run, as the file has them."""
        return list(self.graph.nodes)

    @checked(name=NAME)
    def get_layer(self, name: str) -> Node:
        """The layer of this name. Raises InputError, with names that are close."""
        return self.graph.find(name)

    @checked(print_fn=FUNCTION)
    def summary(self, print_fn: Callable[[str], Any] | None = None) -> Summary | None:
        """The layers with their output shapes and parameters: alone on a line it prints the table.

        `print(model.summary())` shows it once, `str(model.summary())` is its text, a notebook shows it as HTML.
        print_fn: hands the text to it instead.
        """
        from .show.summary import Summary, hand_on

        return hand_on(Summary(self.graph), print_fn)

    def __repr__(self) -> str:
        return f"<glnn.Model {self.name!r}: {len(self.graph.nodes)} layers{', closed' if self.session.closed else ''}>"

    def _repr_html_(self) -> str:
        from .show import html
        from .show.summary import Summary

        ends = " -> ".join(
            ", ".join(f"{spec.name} {shape_text(spec.shape)}" for spec in end) for end in (self.inputs, self.outputs)
        )
        closed = ", closed" if self.session.closed else ""
        head = html.title(f"Model {self.name}", f"{ends}, {len(self.graph.nodes)} layers{closed}")
        return html.view(head, html.box("layers", Summary(self.graph)._repr_html_()))

    @property
    def device(self) -> Device:
        """The device that the model runs on. Raises NoDeviceError where there is no OpenGL, ClosedError."""
        return self.session.device

    @checked(verbose=VERBOSE)
    def predict(self, x: Any, batch_size: int | None = None, verbose: Any = "auto") -> Any:
        """The model's outputs (float32) for inputs x of shape (batch, ...): an array, a list or a dict by input name.

        One output comes as an array, several as a list, and for a dict as a dict by output name. Any batch goes, also
        zero; it is cut into pieces of `batch_size` (by default into as few of one size as fit 256 MB).
        verbose: 1 shows a progress bar, 0 none, "auto" one on a terminal when it takes long.
        Threads take turns. Raises InputError (number, name, rank, shape, dtype), LimitError (a tensor that does not fit
        the device), ClosedError, NoDeviceError, ForkError (OpenGL does not survive a fork).
        """
        return shaped(x, self.session.run(x, batch_size, verbose))

    def reference(self, x: Any) -> Any:
        """`predict` layer by layer in NumPy with float64: slow, without OpenGL; stateful layers begin with 0."""
        from .graph import reference

        if self.graph.staging is not None:
            from .run import staged

            arrays = whole_inputs(x, self.graph.given)
            return shaped(x, staged.run(self.graph.staging, arrays, reference.run))
        made = reference.run(self.graph, with_states(x, self.graph))
        return shaped(x, {name: value for name, value in made.items() if name not in self.graph.states})

    def reset_states(self) -> None:
        """Makes stateful layers (LSTM(stateful=True) and its kin) begin with states of 0, and a batch of any size.

        Else sample i of a `predict` goes on with the states that sample i left; threads share them. A batch is then one
        piece unless batch_size cuts it, into pieces that go on from each other, and all of one size.
        """
        self.session.reset_states()

    @checked(input_shapes=SHAPES, limits=instance("Limits, as of glnn.Device(..).limits", Limits))
    def plan(self, input_shapes: Mapping[str, tuple[int, ...]] | None = None, limits: Limits | None = None) -> Plan:
        """The Plan for input shapes by name (default: the model's own with a batch of 1 and 1 for free sizes)."""
        shapes = plan_shapes(self.graph.given, input_shapes, free=1)
        return self.fixed(shapes).session.plan(shapes, limits)

    @checked(input_shapes=SHAPES)
    def fixed(self, input_shapes: Mapping[str, Sequence[int]]) -> Model:
        """The model for inputs of these shapes by name alone, with one graph; itself, where its graph does for all.

        Raises UnsupportedError where the graph of an ONNX or TensorFlow model depends on values that only inputs tell.
        """
        if self.graph.staging is None:
            return self
        return Model(self.graph.staging.fixed(input_shapes), self.session.given)

    @checked(input_shapes=SHAPES, seconds=number(0), verbose=VERBOSE)
    def tune(
        self, input_shapes: Mapping[str, Sequence[int]] | None = None, seconds: float = 120.0, verbose: Any = "auto"
    ) -> Tuned:
        """Measures how this device draws the model fastest, for input shapes by name -> a report; and draws so.

        Every way to draw a layer, and several blocks of pixels, are judged by the first's results and timed. What is
        faster is kept, in memory and in the folder that GLNN_CACHE names (else the user's for caches), where later
        loads of this or other models find it. Of a batch of several samples it also measures how many are best run at
        once.

        input_shapes: batch first; None: the model's own with a batch of 1
        seconds:      after which nothing more is begun

        Raises InputError for sizes that are free, and what predict raises.
        """
        from .run.tune import tune

        numbers = plan_shapes(self.graph.given, input_shapes)
        session = self.fixed(numbers).session
        states = first_states(session.graph, numbers)
        whole = {name: tuple(array.shape) for name, array in states.items()} | numbers
        return tune(session, whole, seconds, next(iter(numbers.values()))[0] > 1, verbose)

    @checked(input_shape=SHAPE | SHAPES, outputs=NAMES | NAME)
    def export_web(
        self, folder: StrPath, input_shape: Sequence[int] | Mapping[str, Sequence[int]] | None = None,
        variants: Any = None, labels: Sequence[str] | None = None, scale: str = "raw", check: Any = False,
        outputs: Sequence[str] | None = None, **options: Any,
    ) -> Path:  # fmt: skip
        """Writes the model as a web page into a folder that any web server can serve -> the folder. Needs no OpenGL.

        input_shape: what the page predicts on, with or without the batch axis, by name for several inputs; None: the
                     model's own with a batch of 1. Sizes that the model leaves free must be given
        check:       True, or inputs as for predict: the folder then holds what each draw gives on them (on inputs out
                     of a seed), and the page opened with ?check compares its own GPU with that, see docs/field-check.md
        outputs:     names of outputs, layers or tensors that the page gives instead of the model's outputs: a page
                     cannot do what NumPy does after them
        variants, labels, scale, options: see glnn.web.export_web

        The same model gives the same bytes. Files of an earlier export in the folder are replaced, others stay.
        Raises what glnn.web.export_web does.
        """
        from .web import export_web

        shapes = web_shapes(self.graph.given, input_shape)
        whole: Model = self
        if outputs is not None and len(outputs):
            from .graph.cut import cut

            whole = Model(cut(self.graph, outputs), self.session.given)
        session = whole.fixed(shapes).session
        graph, store = session.graph, session.store
        if check is not False and check is not None:
            from .image import Preparation
            from .measure.golden import check_of

            picture = {key: options[key] for key in ("fit", "filter", "background") if key in options}
            options["check"] = check_of(graph, store, shapes, check, Preparation(scale, **picture).data())
        return export_web(graph, store, folder, shapes, variants, labels, scale, **options)

    @checked(path=PATH)
    def save(self, path: StrPath) -> Path:
        """Writes the model, as it was loaded or quantized, into one file of the suffix .glnn -> its path.

        The same model gives the same bytes; `Model.load` reads it back exactly. A file that is there is replaced once
        the new one is whole. Raises InputError (a missing folder, another suffix), UnsupportedError.
        """
        from .formats.native.write import save

        return save(self.graph, path)

    def close(self) -> None:
        """Frees the model's textures and programs, from any thread; the device stays. A second call does nothing."""
        self.session.close()

    def __enter__(self) -> Model:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        """A pickled model holds its weights and what its device was asked for; it opens a device where it runs."""
        return Model, (self.graph, self.session.given, self.report, self.session.tune)

    def __deepcopy__(self, memo: Any = None) -> Model:
        """A copy shares the graph, which nothing changes, and the device."""
        return Model(self.graph, self.session.given, self.report, self.session.tune)

    __copy__ = __deepcopy__
