"""Cases of recurrent layers, masks, and what a layer at each step of a sequence is said with."""

from __future__ import annotations

from glnn.graph.shapes import Shape
from glnn.layers.base import Layer
from glnn.layers.cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells
from glnn.layers.conv_recurrent import ConvLSTM1D, ConvLSTM2D, ConvLSTM3D
from glnn.layers.core import ElementMask, Masking
from glnn.layers.pooling import GlobalAveragePooling1D
from glnn.layers.recurrent import GRU, LSTM, RNN, Bidirectional, SimpleRNN
from glnn.layers.wrappers import AnyLeft, Fold, StepMasks, Unfold

CASES: list[tuple[Layer, tuple[Shape, ...], str]] = []
MASKED = "normal|truth"


def case(layer: Layer, *shapes: Shape, kind: str = "normal") -> None:
    """Add a case: the layer, the shapes of its inputs, the kind of their values."""
    CASES.append((layer, shapes, kind))


# time 1, 2, 7; units 1, 3, 4, 5; batch 1 and 3
for make in (SimpleRNN, LSTM, GRU, lambda *a, **k: GRU(*a, reset_after=False, **k)):
    for units, shape in ((1, (1, 1, 1)), (3, (3, 2, 5)), (4, (3, 7, 4)), (5, (1, 7, 3))):
        case(make(units, return_sequences=units != 4, return_state=True), shape)
    case(make(5), (3, 7, 6))
    case(make(5, go_backwards=True, return_sequences=True), (3, 7, 6))
    case(make(3, use_bias=False, return_state=True), (3, 2, 5))
    case(make(3, return_sequences=True, return_state=True, masked=True), (3, 7, 2), (3, 7), kind=MASKED)
    case(make(3, go_backwards=True, return_sequences=True, masked=True), (3, 7, 2), (3, 7), kind=MASKED)
    case(make(3, masked=True), (3, 7, 2), (3, 7), kind=MASKED)
    case(make(3, masked=True, zero_output_for_mask=True), (3, 7, 2), (3, 7), kind=MASKED)
    case(make(3, masked=True, zero_output_for_mask=True, return_sequences=True), (3, 7, 2), (3, 7), kind=MASKED)
for activation in ("relu", "softmax", "linear"):
    case(SimpleRNN(5, activation=activation), (3, 2, 5))
    case(LSTM(5, activation=activation, recurrent_activation="hard_sigmoid"), (3, 2, 5))
    case(GRU(5, activation=activation, recurrent_activation="hard_sigmoid"), (3, 2, 5))
case(GRU(5, return_sequences=True), (3, 7, 6), (3, 5))
case(SimpleRNN(5), (3, 7, 6), (3, 5))
case(LSTM(5, return_sequences=True, return_state=True), (3, 7, 6), (3, 5), (3, 5))
case(LSTM(5, return_sequences=True, masked=True), (3, 7, 6), (3, 5), (3, 5), (3, 7), kind="normal|normal|normal|truth")
case(LSTM(8, return_sequences=True), (3, 7, 8))
case(GRU(8, return_sequences=True), (3, 7, 8))
case(GRU(8, return_sequences=True, reset_after=False), (3, 7, 8))
STACK = StackedRNNCells((LSTMCell(3), SimpleRNNCell(5), GRUCell(2)))
case(RNN(cell=STACK, return_sequences=True, return_state=True), (3, 7, 6))
case(RNN(cell=STACK, return_sequences=True, masked=True), (3, 7, 6), (3, 7), kind=MASKED)
case(RNN(cell=STACK, return_state=True), (3, 2, 6), (3, 3), (3, 3), (3, 5), (3, 2))
case(RNN(cell=LSTMCell(3), go_backwards=True), (3, 7, 6))

for mode in ("concat", "sum", "mul", "ave", None):
    case(Bidirectional(LSTM(3, return_sequences=True), merge_mode=mode), (3, 7, 6))
    case(Bidirectional(GRU(5), merge_mode=mode), (1, 2, 6))
case(Bidirectional(LSTM(4, return_sequences=True, return_state=True)), (3, 7, 6))
case(Bidirectional(LSTM(3), LSTM(5, go_backwards=True)), (3, 7, 6))
case(Bidirectional(GRU(3, return_sequences=True, go_backwards=True)), (3, 7, 6))
case(Bidirectional(LSTM(3, return_sequences=True), masked=True), (3, 7, 6), (3, 7), kind=MASKED)
case(Bidirectional(LSTM(3), masked=True), (3, 7, 6), (3, 7), kind=MASKED)
case(Bidirectional(GRU(3, return_sequences=True)), (3, 7, 6), (3, 3), (3, 3))
case(Bidirectional(RNN(cell=STACK)), (3, 2, 6))
# both directions at once: alike but for the direction, whole groups of four channels, no mask or state
for make in (SimpleRNN, LSTM, GRU, lambda *a, **k: GRU(*a, reset_after=False, **k)):
    case(Bidirectional(make(4, return_sequences=True)), (3, 7, 5))
    case(Bidirectional(make(8, return_state=True, use_bias=False), merge_mode=None), (1, 3, 4))
    case(
        Bidirectional(make(4, return_sequences=True, return_state=True, go_backwards=True), merge_mode="mul"), (3, 2, 1)
    )
case(Bidirectional(RNN(cell=LSTMCell(4))), (3, 1, 6))
case(Bidirectional(LSTM(4), LSTM(4, activation="relu", go_backwards=True)), (3, 7, 6))  # not alike

for padding, strides, dilation in (("same", 1, 1), ("valid", 1, 1), ("same", 2, 1), ("valid", 1, 2)):
    options = dict(padding=padding, strides=strides, dilation_rate=dilation, return_sequences=True)
    case(ConvLSTM2D(3, 3, **options), (2, 3, 7, 6, 2))
    case(ConvLSTM1D(4, 3, **options), (2, 3, 9, 5))
case(ConvLSTM2D(4, (2, 3), padding="same", return_state=True), (1, 2, 5, 4, 3))
case(ConvLSTM2D(4, 3, padding="same", go_backwards=True), (2, 3, 5, 4, 3), (2, 5, 4, 4), (2, 5, 4, 4))
case(ConvLSTM2D(3, 3, padding="same", masked=True, return_sequences=True), (2, 3, 5, 4, 3), (2, 3), kind=MASKED)
case(ConvLSTM2D(3, 3, padding="same", data_format="channels_first", return_state=True), (2, 3, 2, 5, 4))
case(ConvLSTM1D(3, 3, data_format="channels_first", return_sequences=True, use_bias=False), (2, 3, 2, 9))
for padding, strides, dilation in (("same", 1, 1), ("valid", 1, 1), ("same", 2, 1), ("valid", 1, 2)):
    options = dict(padding=padding, strides=strides, dilation_rate=dilation, return_sequences=True)
    case(ConvLSTM3D(3, 2, **options), (1, 2, 4, 5, 3, 2))
case(ConvLSTM3D(1, 1), (1, 1, 1, 1, 1, 1))
case(ConvLSTM3D(4, (1, 3, 2), padding="same", return_state=True), (3, 2, 2, 4, 3, 3))
case(ConvLSTM3D(5, (3, 1, 2), (2, 1, 3), "same", use_bias=False), (2, 3, 5, 3, 4, 1))
case(ConvLSTM3D(3, 3, padding="same", go_backwards=True), (2, 3, 2, 3, 4, 3), *[(2, 2, 3, 4, 3)] * 2)
case(ConvLSTM3D(3, 2, padding="same", masked=True, return_sequences=True), (2, 3, 3, 2, 4, 3), (2, 3), kind=MASKED)
case(ConvLSTM3D(3, 2, masked=True, go_backwards=True, return_state=True), (2, 3, 3, 2, 4, 3), (2, 3), kind=MASKED)
case(ConvLSTM3D(3, 2, padding="same", data_format="channels_first", return_state=True), (2, 3, 2, 3, 5, 4))
case(
    ConvLSTM3D(5, (1, 2, 3), data_format="channels_first", return_sequences=True, go_backwards=True), (2, 2, 6, 2, 3, 4)
)
case(Bidirectional(ConvLSTM3D(2, 2, padding="same", return_sequences=True)), (2, 2, 2, 3, 3, 3))
case(Bidirectional(ConvLSTM1D(3, 3, padding="same", return_sequences=True)), (2, 3, 9, 5))

for first in (None, "channels_first"):
    mean = GlobalAveragePooling1D(first, masked=True)
    case(mean, (3, 5, 7), (3, 7 if first else 5), kind=MASKED)
case(GlobalAveragePooling1D(keepdims=True, masked=True), (2, 9, 3), (2, 9), kind=MASKED)
case(Masking(), (3, 7, 5), kind="rare")
case(Masking(2.0), (3, 7, 1), kind="rare")
case(ElementMask(2.0), (3, 7), kind="rare")
case(ElementMask(vectors=True), (3, 7, 2), kind="rare")
case(Fold(), (3, 7, 5))
case(Fold(), (2, 3, 5, 4, 3))
case(Unfold(), (6, 5), (2, 3, 4))
case(Unfold(), (6, 5, 4, 3), (2, 3, 1, 1))
case(StepMasks(), (2, 3, 5), kind="truth")
case(StepMasks(), (1, 2, 4, 3), kind="truth")
case(AnyLeft(), (3, 5, 2), kind="truth")
case(AnyLeft(), (2, 3), kind="truth")
case(LSTM(3, masked=True, return_sequences=True), (3, 7, 2), (3, 7, 2), kind=MASKED)
