"""Sound and other sequences of numbers."""

from __future__ import annotations

from typing import Any

from .base import demo


@demo("speech commands", {"spectrogram": (37, 20)})
def speech_commands(keras: Any) -> Any:
    """Convolutions along time, two directions of GRU, and attention that the middle of the sequence asks for."""
    L = keras.layers
    sound = keras.Input((37, 20), name="spectrogram")
    x = L.Reshape((37, 20, 1))(L.Normalization(axis=-1)(sound))
    for filters in (6, 1):
        x = L.BatchNormalization()(L.Conv2D(filters, (5, 1), padding="same", activation="relu")(x))
    x = L.Reshape((37, 20))(x)
    x = L.Bidirectional(L.GRU(7, return_sequences=True))(x)
    x = L.Bidirectional(L.GRU(5, return_sequences=True, reset_after=False), merge_mode="concat")(x)
    query = L.Dense(10)(x[:, 18])
    weights = L.Softmax(name="attention")(L.Dot(axes=(1, 2))([query, x]))
    heard = L.Dense(16, activation="relu")(L.Dot(axes=(1, 1))([weights, x]))
    return keras.Model(sound, [L.Dense(9, activation="softmax", name="command")(heard), weights])


@demo("speech commands by convolution", {"spectrogram": (43, 23, 1)}, suffix=".h5")
def speech_convolution(keras: Any) -> Any:
    """As in the demo of TensorFlow.js: pairs of convolution and pooling over a spectrogram."""
    L = keras.layers
    layers = [L.Conv2D(8, (2, 8), activation="relu"), L.MaxPooling2D((2, 2), (2, 2))]
    layers += [L.Conv2D(12, (2, 4), activation="relu"), L.MaxPooling2D((2, 2), (2, 2)), L.Dropout(0.25)]
    layers += [L.Flatten(), L.Dense(30, activation="relu"), L.Dropout(0.5), L.Dense(20, activation="softmax")]
    return keras.Sequential([keras.Input((43, 23, 1), name="spectrogram"), *layers])


@demo("temporal convolution", {"signal": (29, 3)})
def temporal_convolution(keras: Any) -> Any:
    """Causal convolutions, dilated twice as far in each block, and a residual around each."""
    L = keras.layers
    x = signal = keras.Input((None, 3), name="signal")
    skips = []
    for k in range(4):
        kept = x if x.shape[-1] == 10 else L.Conv1D(10, 1, padding="same")(x)
        for _ in range(2):
            x = L.Conv1D(10, 3, dilation_rate=2**k, padding="causal")(x)
            x = L.SpatialDropout1D(0.1)(L.Activation("relu")(L.LayerNormalization()(x)))
        skips.append(x)
        x = L.Activation("relu")(L.Add()([kept, x]))
    total = L.Add()(skips)
    return keras.Model(signal, [L.Dense(4, name="next")(total[:, -1]), L.Conv1D(2, 1, name="every")(total)])


@demo("wavenet", {"signal": (31, 1)}, suffix=".h5")
def wavenet(keras: Any) -> Any:
    """Gates of causal convolutions, skips from each, and classes at every step."""
    L = keras.layers
    x = signal = keras.Input((None, 1), name="signal")
    x, skips = L.Conv1D(6, 2, padding="causal")(x), []
    for k in range(3):
        options = {"dilation_rate": 2**k, "padding": "causal"}
        gated = L.Multiply()(
            [L.Conv1D(6, 2, activation="tanh", **options)(x), L.Conv1D(6, 2, activation="sigmoid", **options)(x)]
        )
        skips.append(L.Conv1D(8, 1)(gated))
        x = L.Add()([x, L.Conv1D(6, 1)(gated)])
    out = L.Conv1D(16, 1, activation="softmax")(L.Activation("relu")(L.Add()(skips)))
    return keras.Model(signal, out)
