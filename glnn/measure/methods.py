"""What Model offers for looking into it: it is measured by a session, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from ..arguments import FLAG, FUNCTION, NAME, NAMES, PATH, VERBOSE, checked, count
from ..run.inputs import whole_inputs

if TYPE_CHECKING:
    from ..device.device import Device
    from ..graph.graph import Graph
    from ..run.session import Session
    from ..show.reports.comparison import CompareReport
    from ..show.reports.explanation import Explanation
    from ..show.reports.profiles import Profile
    from ..show.reports.quantized import QuantReport, RangeReport
    from .look.trace import Trace


MeasuredT = TypeVar("MeasuredT", bound="Measured")


class Measured:
    """A graph as the user has it and a session of it as it runs; Model's methods that measure."""

    graph: Graph
    session: Session
    origin: Any = None  # what the model was loaded from

    def __init__(self, graph: Graph, device: Device | None = None, report: QuantReport | None = None):
        raise NotImplementedError

    def _for(self: MeasuredT, x: Any) -> tuple[MeasuredT, Any]:
        """The model with one graph, for inputs of these shapes, and the inputs of that graph; mostly itself."""
        staging = self.graph.staging
        if staging is None:
            return self, x
        arrays = whole_inputs(x, staging.inputs)
        graph = staging.fixed({name: array.shape for name, array in arrays.items()}, arrays)
        return type(self)(graph, self.session.given), {spec.name: arrays[spec.name] for spec in graph.inputs}

    @checked(per_channel=FLAG, skip=NAMES | NAME | FUNCTION, verbose=VERBOSE)
    def quantize(
        self: MeasuredT, weights: Any = "uint8", per_channel: bool = True, activations: Any = None,
        calibrate: Any = None, skip: Any = (), max_drift: float | None = None, verbose: Any = "auto",
    ) -> MeasuredT:  # fmt: skip
        """A new model of the same layers, optimized, with weights (and tensors between layers) in fewer bits.

        weights:     "float32" (left as they are), "float16", "uint16", "uint8", "uint4"; "auto": the cheapest of them
                     for each layer; a dict of layer names (* and ? match) to codecs, the first match wins and layers
                     without one stay; or a callable of a layer (Node) that gives a codec or None
        per_channel: one scale for each output channel, not one for each array of weights
        activations: None, "float16", "rgba8" (soft float), "uint8"; a dict or a callable as for weights
        calibrate:   inputs as for predict; their drift is measured, and ranges of uint8 activations are taken from them
        skip:        names of layers (* and ? match), or a callable of a layer, that are left as they are
        max_drift:   of the outputs, relative RMS, that weights="auto" keeps to (default 0.005)

        Arrays of two or more axes are quantized; biases and other vectors stay float32. `report` of the new model tells
        of each layer. This model stays as it is; both want closing. Without calibrate it needs no OpenGL. Raises
        InputError, QuantizationError (weights that are not finite, calibration inputs or ranges that do not serve).
        """
        if self.graph.staging is not None:
            from .quantize.operators import quantize as quantize_operators

            settings = (weights, per_channel, activations, calibrate, skip)
            graph, report = quantize_operators(self.session, self.graph, *settings)
            return type(self)(graph, self.session.given, report)
        from .quantize.compress import quantize

        graph, report = quantize(self.session, weights, per_channel, activations, calibrate, skip, max_drift, verbose)
        return type(self)(graph, self.session.given, report)

    @checked(save=PATH, verbose=VERBOSE)
    def compare(self, x: Any, reference: Any = "numpy", save: Any = None, verbose: Any = "auto") -> CompareReport:
        """Which layers are wrong by themselves, on inputs x as for predict -> a report that is true if none is.

        Each layer has two errors: its own, of what its shaders make of the reference's inputs, and the inherited one,
        of what the device makes of all before. Guilty is a layer whose own error is beyond what float32 NumPy is off
        by.

        reference: "numpy" (float64); "keras" or "onnxruntime", on the file that the model was loaded from; a Keras
                   model, its file, or an .onnx; a glnn.Device; a glnn.Model of the same layers; or the .npz of a run
                   that was saved
        save:      an .npz to write every tensor to by layer, for reference= elsewhere

        Raises InputError, UnsupportedError for a layer without a reference, and what predict raises.
        """
        from .compare.compare import compare

        model, x = self._for(x)
        return compare(model.graph, model.session, x, reference, save, self.origin, verbose)

    @checked(layer=NAME)
    def explain(self, x: Any, layer: str, index: Sequence[int], turn: int | Sequence[int] | None = None) -> Explanation:
        """How one value of a layer's output came about, for inputs x as for predict, on the NumPy device.

        The draw, each line of its kernel with the values that variables got there, and each texel that was read with
        what it contributes: by how much the value would be less if the texel held 0.

        layer, index: the layer by its name, and where in its output, with the sample first; or what is made in the
                      turns of a repeat, as `trace` calls it ("lstm/h"), and where in that of one turn
        turn:         of what is made in turns, which one, from 0 (of repeats in repeats one for each, the outer one
                      first); None: the last that wrote the value

        Of quantized weights it tells code, scale and what they come to. Raises InputError: a layer that has no draw of
        its own, an index, a turn.
        """
        from .steps.explain import explain

        model, x = self._for(x)
        return explain(model.graph, model.session, x, layer, index, turn)

    @checked(layers=NAMES | NAME, fused=FLAG)
    def trace(self, x: Any, layers: Sequence[str] | None = None, fused: bool = False) -> Trace:
        """What every layer makes of inputs x (as for predict), by the layer's name: arrays, and pictures in a notebook.

        What is made in the turns of a repeat is there too, the turns in front: "lstm/h" of an LSTM's state, say.

        layers: names of those to trace; None: all
        fused:  of the plan that `predict` runs, in which layers are folded into others and have no tensor of their own;
                else each layer is drawn by itself

        Stateful layers begin with states of 0, and the model's own stay. Raises InputError.
        """
        from .look.trace import Trace

        model, x = self._for(x)
        return Trace(model.session, model.graph, x, layers, fused)

    @checked(repeat=count(1, 1_000_000), timer=NAME, first=FLAG)
    def profile(self, x: Any, repeat: int = 10, timer: str = "auto", first: bool = True) -> Profile:
        """Where the time of `predict(x)` goes, by layer and by draw: seconds, bytes, operations, and their shares.

        repeat: predictions; told is the mean of their middle half
        timer:  "queries" of the driver, "clock" (each draw with a finish behind it), "auto": queries where they agree
                with the clock
        first:  whether to see, on a second device of the same kind, what the first prediction takes besides: planning,
                compiling, uploading weights

        Of a batch that predict cuts into pieces it is the first. `a.compare(b)` shows two side by side, `to_perfetto()`
        is one as a trace file. Stateful layers begin with states of 0, and the model's own stay. Raises InputError.
        """
        from .look.profile import profile

        model, x = self._for(x)
        return profile(model.session, x, repeat, timer, first)

    @checked(verbose=VERBOSE)
    def range_report(self, x: Any, verbose: Any = "auto") -> RangeReport:
        """What range the tensors between layers have on inputs x (as for predict), and which leave that of float16.

        Of tensors stored as uint8 (see `quantize`) it also tells the share that their range clips. Raises InputError.
        """
        from .quantize.ranges import range_report

        model, x = self._for(x)
        return range_report(model.session, x, verbose)
