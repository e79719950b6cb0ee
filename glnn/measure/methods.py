"""What Model offers for looking into it: it is measured by a session, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..graph.graph import Graph
    from ..run.session import Session
    from ..show.comparison import CompareReport
    from ..show.explanation import Explanation
    from ..show.reports import RangeReport


class Measured:
    """A graph as the user has it and a session of it as it runs; Model's methods that measure."""

    graph: Graph
    session: Session
    origin: Any = None  # what the model was loaded from

    def compare(self, x: Any, reference: Any = "numpy", save: Any = None, verbose: Any = "auto") -> CompareReport:
        """Which layers are wrong by themselves, on inputs x as for predict -> a report that is true if none is.

        Each layer has two errors: its own, of what its shaders make of the reference's inputs, and the inherited one,
        of what the device makes of all before. Guilty is a layer whose own error is beyond what float32 NumPy is off
        by.

        reference: "numpy" (float64); "keras", the file that the model was loaded from, or a Keras model or its file; a
                   glnn.Device; a glnn.Model of the same layers; or the .npz of a run that was saved
        save:      an .npz to write every tensor to by layer, for reference= elsewhere

        Raises InputError, UnsupportedError for a layer without a reference, and what predict raises.
        """
        from .compare import compare

        return compare(self.graph, self.session, x, reference, save, self.origin, verbose)

    def explain(self, x: Any, layer: str, index: Sequence[int]) -> Explanation:
        """How one value of a layer's output came about, for inputs x as for predict, on the NumPy device.

        The draw, each line of its kernel with the values that variables got there, and each texel that was read with
        what it contributes: by how much the value would be less if the texel held 0.

        layer, index: the layer by its name, and where in its output, with the sample first

        Raises InputError (a layer that has no draw of its own, an index), UnsupportedError (in the turns of a repeat).
        """
        from .explain import explain

        return explain(self.graph, self.session, x, layer, index)

    def range_report(self, x: Any, verbose: Any = "auto") -> RangeReport:
        """What range the tensors between layers have on inputs x (as for predict), and which leave that of float16.

        Of tensors stored as uint8 (see `quantize`) it also tells the share that their range clips. Raises InputError.
        """
        from .ranges import range_report

        return range_report(self.session, x, verbose)
