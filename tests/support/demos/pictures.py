"""Pictures in, pictures, classes or places out."""

from __future__ import annotations

from typing import Any

from glnn.primitives import Sym, Trace
from glnn.primitives.move import Along

from .base import demo


def mirrored(t: Trace, x: Sym, padding: int) -> Sym:
    """What the layer ReflectionPadding2D below does."""
    side = [Along(axis, add=-padding, extra=2 * padding, edge="reflect") for axis in (1, 2)]
    return t.remap(x, [Along(0), *side, Along(3)])


def reflection(keras: Any) -> Any:
    """The layer that every repository of style transfer has."""

    @keras.saving.register_keras_serializable("demos")
    class ReflectionPadding2D(keras.layers.Layer):
        def __init__(self, padding: int = 1, **more: Any) -> None:
            super().__init__(**more)
            self.padding = padding

        def call(self, x: Any) -> Any:
            sides = (self.padding, self.padding)
            return keras.ops.pad(x, ((0, 0), sides, sides, (0, 0)), mode="reflect")

        def get_config(self) -> dict[str, Any]:
            return super().get_config() | {"padding": self.padding}

    return ReflectionPadding2D


@demo("style transfer", {"photo": (23, 30, 3)}, objects={"ReflectionPadding2D": mirrored})
def style_transfer(keras: Any) -> Any:
    """Johnson et al.: instance normalization, mirrored edges, residual blocks, upsampling before convolutions."""
    L, Mirrored = keras.layers, reflection(keras)
    x = photo = keras.Input((23, 30, 3), name="photo")

    def conv(x: Any, filters: int, size: int, strides: int = 1) -> Any:
        x = L.Conv2D(filters, size, strides, use_bias=False)(Mirrored(size // 2)(x))
        return L.GroupNormalization(groups=-1, epsilon=1e-5)(x)

    for filters, size, strides in ((8, 9, 1), (12, 3, 2), (16, 3, 2)):
        x = L.ReLU()(conv(x, filters, size, strides))
    for _ in range(2):
        x = L.Add()([x, conv(L.ReLU()(conv(x, 16, 3)), 16, 3)])
    for filters in (12, 8):
        x = L.ReLU()(conv(L.UpSampling2D(2, interpolation="nearest")(x), filters, 3))
    x = L.Conv2D(3, 9, activation="tanh")(keras.ops.pad(x, ((0, 0), (4, 4), (4, 4), (0, 0)), mode="reflect"))
    return keras.Model(photo, L.Rescaling(127.5, 127.5)(x))


@demo("u-net", {"picture": (37, 29, 2)}, suffix=".h5")
def u_net(keras: Any) -> Any:
    """Ronneberger et al., on sides that do not halve: what is pooled to the larger half is cropped when it is back."""
    L = keras.layers
    x = picture = keras.Input((37, 29, 2), name="picture")

    def twice(x: Any, filters: int) -> Any:
        for _ in range(2):
            x = L.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal")(x)
            x = L.Activation("relu")(L.BatchNormalization()(x))
        return x

    skips = []
    for filters in (5, 8, 12):
        x = twice(x, filters)
        skips.append(x)
        x = L.Dropout(0.2)(L.MaxPooling2D(2, padding="same")(x))
    x = twice(x, 16)
    for skip in reversed(skips):
        x = L.Conv2DTranspose(skip.shape[-1], 2, strides=2)(x)
        more = [(0, x.shape[axis] - skip.shape[axis]) for axis in (1, 2)]
        x = twice(L.Concatenate()([skip, L.Cropping2D(more)(x)]), skip.shape[-1])
    return keras.Model(picture, L.Conv2D(3, 1, activation="softmax", name="classes")(x))


@demo("super-resolution", {"small": (17, 13, 3)})
def super_resolution(keras: Any) -> Any:
    """Shi et al.: a picture of any size, 3 times as large by sub-pixels, added to its bilinear enlargement."""
    L = keras.layers
    x = small = keras.Input((None, None, 3), name="small")
    for filters, size in ((16, 5), (12, 3)):
        x = L.Conv2D(filters, size, padding="same", activation="tanh")(x)
    x = keras.ops.depth_to_space(L.Conv2D(27, 3, padding="same")(x), 3)
    return keras.Model(small, keras.ops.clip(x + L.UpSampling2D(3, interpolation="bilinear")(small), -1, 1))


def shuffled(t: Trace, x: Sym, scale: int) -> Sym:
    """Sub-pixels in the words of a Trace, for a picture of known size."""
    _, h, w, c = x.shape
    assert h and w and c
    c //= scale * scale
    y = t.transpose(t.reshape(x, (-1, h, w, scale, scale, c)), (0, 1, 3, 2, 4, 5))
    return t.reshape(y, (-1, h * scale, w * scale, c))


@demo("super-resolution by a Lambda", {"small": (9, 7, 1)}, suffix=".h5", objects={"Lambda:subpixel": shuffled})
def super_resolution_lambda(keras: Any) -> Any:
    """The same as most scripts have it: a function in a Lambda, its scale an argument."""
    L = keras.layers

    def subpixel(x: Any, scale: int) -> Any:
        _, h, w, c = x.shape
        y = keras.ops.reshape(x, (-1, h, w, scale, scale, c // scale**2))
        return keras.ops.reshape(keras.ops.transpose(y, (0, 1, 3, 2, 4, 5)), (-1, h * scale, w * scale, c // scale**2))

    x = small = keras.Input((9, 7, 1), name="small")
    x = L.Conv2D(8, 3, padding="same", activation="relu")(x)
    x = L.Lambda(subpixel, name="subpixel", arguments={"scale": 2})(L.Conv2D(8, 3, padding="same")(x))
    return keras.Model(small, L.Conv2D(1, 3, padding="same", activation="sigmoid")(L.PReLU(shared_axes=[1, 2])(x)))


@demo("pose", {"person": (65, 49, 3)}, exact=(3,))
def pose(keras: Any) -> Any:
    """PoseNet: heat maps and offsets on a MobileNet, decoded: each part's peak, its score and its place in pixels."""
    L, ops, parts, stride = keras.layers, keras.ops, 5, 8
    x = person = keras.Input((65, 49, 3), name="person")
    for filters, strides in ((8, 2), (12, 2), (16, 2), (16, 1)):
        x = L.ReLU(6.0)(L.BatchNormalization()(L.DepthwiseConv2D(3, strides, padding="same", use_bias=False)(x)))
        x = L.ReLU(6.0)(L.BatchNormalization()(L.Conv2D(filters, 1, use_bias=False)(x)))
    heat = L.Conv2D(parts, 1, activation="sigmoid", name="heatmaps")(x)
    offsets = L.Conv2D(2 * parts, 1, name="offsets")(x)
    _, rows, columns, _ = heat.shape
    flat = ops.reshape(heat, (-1, rows * columns, parts))
    peak = ops.argmax(flat, axis=1)  # (batch, parts)
    place = ops.cast(ops.stack([peak // columns, peak % columns], axis=-1), "float32")
    at = ops.expand_dims(peak, 1)
    both = [
        ops.take_along_axis(ops.reshape(half, (-1, rows * columns, parts)), at, axis=1)[:, 0]
        for half in ops.split(offsets, 2, axis=-1)
    ]
    position = place * stride + ops.stack(both, axis=-1)
    return keras.Model(person, [heat, offsets, ops.max(flat, axis=1), place, position])


@demo("resnet head", {"photo": (35, 27, 3)})
def resnet(keras: Any) -> Any:
    """The beginning of ResNet50 and two of its blocks, thin."""
    L = keras.layers

    def conv(x: Any, filters: int, size: int, strides: int = 1) -> Any:
        x = L.Conv2D(filters, size, strides, padding="same" if strides == 1 else "valid")(x)
        return L.BatchNormalization(epsilon=1.001e-5)(x)

    def block(x: Any, filters: int, strides: int, shortcut: bool) -> Any:
        kept = conv(x, 4 * filters, 1, strides) if shortcut else x
        x = L.ReLU()(conv(x, filters, 1, strides))
        x = conv(L.ReLU()(conv(x, filters, 3)), 4 * filters, 1)
        return L.Activation("relu")(L.Add()([kept, x]))

    photo = keras.Input((35, 27, 3), name="photo")
    x = L.ReLU()(conv(L.ZeroPadding2D(3)(photo), 8, 7, 2))
    x = L.MaxPooling2D(3, 2)(L.ZeroPadding2D(((1, 1), (1, 1)))(x))
    for strides, shortcut in ((1, True), (1, False), (2, True)):
        x = block(x, 6, strides, shortcut)
    x = L.Flatten()(L.AveragePooling2D((3, 2))(x))
    return keras.Model(photo, L.Dense(10, activation="softmax")(x))


@demo("squeezenet", {"photo": (47, 61, 3)}, suffix=".h5")
def squeezenet(keras: Any) -> Any:
    """Fire modules to a mean of class maps."""
    L = keras.layers
    photo = keras.Input((None, None, 3), name="photo")
    x = L.Conv2D(12, 3, strides=2, padding="valid", activation="relu")(photo)
    for squeeze, expand, pooled in ((4, 8, True), (4, 8, False), (6, 12, True)):
        if pooled:
            x = L.MaxPooling2D(3, strides=2)(x)
        x = L.Conv2D(squeeze, 1, activation="relu")(x)
        near = L.Conv2D(expand, 1, activation="relu")(x)
        x = L.Concatenate(axis=3)([near, L.Conv2D(expand, 3, padding="same", activation="relu")(x)])
    x = L.GlobalAveragePooling2D()(L.Conv2D(7, 1, activation="relu")(L.Dropout(0.5)(x)))
    return keras.Model(photo, L.Activation("softmax")(x))


@demo("densenet", {"photo": (3, 33, 26)})
def densenet(keras: Any) -> Any:
    """Dense blocks and a transition, channels first."""
    L, first = keras.layers, {"data_format": "channels_first"}
    photo = keras.Input((3, 33, 26), name="photo")
    x = L.Conv2D(8, 7, strides=2, padding="same", use_bias=False, **first)(photo)
    for at in range(2):
        for _ in range(3):
            y = L.Activation("relu")(L.BatchNormalization(axis=1)(x))
            y = L.Conv2D(8, 1, use_bias=False, **first)(y)
            y = L.Activation("relu")(L.BatchNormalization(axis=1)(y))
            x = L.Concatenate(axis=1)([x, L.Conv2D(3, 3, padding="same", use_bias=False, **first)(y)])
        if at == 0:
            x = L.AveragePooling2D(2, strides=2, **first)(L.Conv2D(9, 1, **first)(L.ReLU()(x)))
    x = L.GlobalAveragePooling2D(**first)(L.ReLU()(L.BatchNormalization(axis=1)(x)))
    return keras.Model(photo, L.Dense(6)(x))


@demo("siamese", {"left": (21, 18, 1), "right": (21, 18, 1), "age": (2,)}, suffix=".h5")
def siamese(keras: Any) -> Any:
    """One tower over two pictures: how alike they are, and what is guessed of both and a third input."""
    L, ops = keras.layers, keras.ops
    left, right, age = (keras.Input(shape, name=name) for name, shape in SIAMESE)
    inside = keras.Input((21, 18, 1))
    x = L.MaxPooling2D()(L.Conv2D(6, 5, activation="relu")(inside))
    x = L.SpatialDropout2D(0.1)(L.SeparableConv2D(9, 3, activation="elu")(x))
    tower = keras.Model(inside, L.Dense(7, activation="tanh")(L.Flatten()(x)), name="tower")
    a, b = tower(left), tower(right)
    same = L.Dense(1, activation="sigmoid", name="same")(ops.abs(a - b))
    cosine = L.Dot(1, normalize=True, name="cosine")([a, b])
    distance = ops.sqrt(ops.sum(ops.square(a - b), axis=1, keepdims=True) + 1e-7)
    guess = L.Dense(3, name="guess")(L.Concatenate()([a, L.Maximum()([a, b]), L.Dense(4, activation="softsign")(age)]))
    return keras.Model({"left": left, "right": right, "age": age}, [same, cosine, distance, guess])


SIAMESE = (("left", (21, 18, 1)), ("right", (21, 18, 1)), ("age", (2,)))
