"""Makes the files of tests/golden/operators2: functional models with TensorFlow's functions in them, and their answers.

    pip install "tensorflow-cpu==2.15.*"
    python make_operators2.py operators2

One file: models.json has each model's JSON by name, answers.npz the inputs (name/0, name/1) and the output (name/y).
"""

# ruff: noqa: E501
from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

folder = Path(sys.argv[1])
rng = np.random.default_rng(5)
V, M = (rng.normal(size=shape).astype("float32").round(2) for shape in ((6,), (6, 3)))
K = rng.normal(size=(2, 3, 2, 4)).astype("float32").round(2)
A, C = (4, 6), (5, 4, 2)
B = keras.backend

MODELS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "arithmetic": ((A, A), lambda x, y: (2.0 - x * 3 + y / 4 - 1) * (1.0 / (tf.abs(y) + 1.0))),
    "powers": ((A,), lambda x: x**2 + tf.sqrt(tf.abs(x)) - tf.math.rsqrt(x * x + 1.0)),
    "rests": ((A,), lambda x: x % 0.7 + x // 0.4 + tf.math.floormod(-x, 0.3)),
    "vectors": ((A,), lambda x: V * x + tf.constant(V) - tf.maximum(x, V)),
    "chosen": ((A, A), lambda x, y: tf.where(x > 0.2, y, -1.0) + tf.cast((x > y) & ~(y > 0.0), "float32")),
    "compared": ((A, A), lambda x, y: tf.cast(x <= y, tf.float32) + tf.cast(tf.not_equal(x, y), tf.float32)),
    "concat": ((A, A), lambda x, y: tf.concat([x, y, x], axis=-1)),
    "concat constant": ((A,), lambda x: tf.concat([x, tf.zeros_like(x), tf.ones_like(x)], 1)),
    "stack": ((A, A), lambda x, y: tf.stack([x, y], axis=1)),
    "unstack": ((A,), lambda x: tf.unstack(x, axis=1)[2] + tf.unstack(x, axis=1)[0]),
    "split": ((A,), lambda x: tf.split(x, 3, axis=-1)[1] * tf.split(x, [1, 3, 2], axis=2)[2]),
    "slices": ((A,), lambda x: x[:, 1:3, ::2] + x[:, -1:, 3:] * x[:, :2, -1:]),
    "slices, new axis": ((A,), lambda x: x[:, 0, None] * x[:, tf.newaxis, 1, 1:2]),
    "slices, backwards": ((A,), lambda x: x[:, ::-1]),
    "strided_slice": ((A,), lambda x: tf.strided_slice(x, [0, 1, 0], [1, 3, 5], [1, 1, 2], begin_mask=1, end_mask=1)),
    "slice": ((A,), lambda x: tf.slice(x, [0, 1, 2], [-1, 2, 3])),
    "reshape": ((A,), lambda x: tf.reshape(x, [-1, 8, 3])),
    "reshape by shape": ((A,), lambda x: tf.reshape(x, [tf.shape(x)[0], -1, 2])),
    "reshape by another's shape": ((C,), lambda x: tf.reshape(x * 2.0, (tf.shape(x)[0], tf.shape(x)[1] * 4, -1))),
    "reshape of a product": ((A,), lambda x: tf.reshape(tf.reshape(x, [-1, 6]) @ M, [tf.shape(x)[0], 4, 3])),
    "transpose": ((C,), lambda x: tf.transpose(x, [0, 3, 1, 2])),
    "expand_dims, squeeze": ((A,), lambda x: tf.squeeze(tf.expand_dims(x, 2), axis=[2]) + B.squeeze(x[:, :, :1], -1)[:, :, None]),
    "tile, repeat": ((A,), lambda x: tf.tile(x, [1, 1, 2]) + tf.repeat(x, 2, axis=-1)),
    "roll, reverse": ((A,), lambda x: tf.roll(x, 2, axis=1) - tf.reverse(x, [2])),
    "pad": ((A,), lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 1]]) + tf.pad(x, [[0, 0], [1, 2], [0, 1]], mode="REFLECT")),
    "reductions": ((A,), lambda x: tf.reduce_mean(x, 1) + tf.reduce_sum(x, axis=[1]) - tf.reduce_max(x, -2) * tf.reduce_min(x, 1)),
    "deviations": ((A,), lambda x: tf.math.reduce_std(x, 1) + tf.math.reduce_variance(x, axis=1) + tf.reduce_logsumexp(x, axis=1)),
    "all, any": ((A,), lambda x: tf.cast(tf.reduce_all(x > -1.0, -1), "float32") + tf.cast(tf.reduce_any(x > 1.0, -1), "float32")),
    "keepdims": ((A,), lambda x: x - tf.reduce_mean(x, axis=-1, keepdims=True)),
    "backend": ((A,), lambda x: B.mean(x, axis=1) + B.sum(B.square(x), axis=-2) + B.max(x, axis=1)),
    "backend, matrices": ((A, A), lambda x, y: B.batch_dot(x, B.permute_dimensions(y, (0, 2, 1))) + B.dot(x, B.constant(M))[:, :, :1]),
    "argmax": ((A,), lambda x: tf.argmax(x, axis=-1)),
    "cumsum": ((A,), lambda x: tf.cumsum(x, axis=1, exclusive=True) + tf.math.cumprod(x, axis=-1, reverse=True)),
    "top_k": ((A,), lambda x: tf.math.top_k(x, 2)[0]),
    "sort": ((A,), lambda x: tf.sort(x, axis=-1)),
    "softmax": ((A,), lambda x: tf.nn.softmax(x) + tf.nn.log_softmax(x, axis=1)),
    "activations": ((A,), lambda x: tf.nn.relu(x) + tf.nn.leaky_relu(x, 0.3) + tf.nn.elu(x) + tf.nn.gelu(x) + tf.nn.silu(x)),
    "keras activations": ((A,), lambda x: keras.activations.gelu(x, True) + keras.activations.swish(x) + keras.activations.relu(x, max_value=6)),
    "functions": ((A,), lambda x: tf.exp(x) + tf.math.log1p(tf.abs(x)) + tf.sin(x) * tf.tanh(x) + tf.math.erf(x) + tf.floor(x) + tf.sign(x)),
    "clip": ((A,), lambda x: tf.clip_by_value(x, -0.5, 0.5) + B.clip(x, 0.0, 1.0)),
    "l2_normalize": ((A,), lambda x: tf.math.l2_normalize(x, axis=-1) + B.l2_normalize(x, axis=1)),
    "norm": ((A,), lambda x: tf.norm(x, axis=-1)),
    "matmul": ((A, A), lambda x, y: tf.matmul(x, y, transpose_b=True)),
    "matmul, matrix": ((A,), lambda x: x @ M + tf.linalg.matmul(x, M)),
    "tensordot": ((A,), lambda x: tf.tensordot(x, M, axes=[[2], [0]])),
    "gather": ((A,), lambda x: tf.gather(x, [0, 2], axis=1)),
    "gather of rows": ((A, ((3,), "int32")), lambda x, i: tf.gather(x, i, axis=1, batch_dims=1)),
    "one_hot": ((((3,), "int32"),), lambda i: tf.one_hot(i, 4) + tf.one_hot(i + 1, 4, on_value=2.0, off_value=-1.0)),
    "integers": ((((5,), "int32"),), lambda i: tf.cast(i // 2 * 3 + i % 3, "float32") + tf.cast(i, "float32") / 2),
    "cast": ((A,), lambda x: tf.cast(tf.cast(x * 3.0, "int32"), "float32")),
    "positions": ((A,), lambda x: x + tf.cast(tf.range(tf.shape(x)[1])[:, None], "float32")),
    "by the size": ((A,), lambda x: x / tf.cast(tf.shape(x)[-1], "float32")),
    "middle": ((A,), lambda x: x[:, tf.shape(x)[1] // 2]),
    "ones": ((A,), lambda x: x[:, :, 0] + tf.ones((tf.shape(x)[0], 4))),
    "conv": ((C,), lambda x: tf.nn.conv2d(x, K, 1, "SAME")),
    "conv, strides": ((C,), lambda x: tf.nn.conv2d(x, K, [1, 2, 1, 1], "VALID")),
    "pool": ((C,), lambda x: tf.nn.max_pool2d(x, 2, 1, "SAME") + tf.nn.avg_pool2d(x, [2, 2], [1, 1], "SAME")),
    "backend pool": ((C,), lambda x: B.pool2d(x, (2, 2), padding="same", pool_mode="avg")),
    "resize": ((C,), lambda x: tf.image.resize(x, (7, 3)) + tf.image.resize(x, (7, 3), method="nearest")),
    "depth_to_space": ((C,), lambda x: tf.nn.depth_to_space(tf.concat([x, x], -1), 2)),
    "add_n": ((A, A), lambda x, y: tf.add_n([x, y, x])),
    "zeros": ((A,), lambda x: tf.zeros_like(x) + tf.fill([1, 6], 2.5) * x),
    "shuffle": ((C,), lambda x: tf.reshape(tf.transpose(tf.reshape(x, [-1, 5, 4, 2, 1]), [0, 1, 2, 4, 3]), [-1, 5, 4, 2])),
}  # fmt: skip
written, arrays = {}, {}
for name, (shapes, make) in MODELS.items():
    given = [shape if isinstance(shape[-1], str) else (shape, "float32") for shape in shapes]
    xs = [keras.Input(shape, dtype=dtype, name=f"x{k}") for k, (shape, dtype) in enumerate(given)]
    model = keras.Model(xs, make(*xs))
    values = [
        rng.normal(size=(3, *shape)).astype("float32") if dtype == "float32" else rng.integers(0, 4, (3, *shape))
        for shape, dtype in given
    ]
    written[name] = json.loads(model.to_json())
    arrays |= {f"{name}/{k}": x.astype("float32") for k, x in enumerate(values)}
    arrays[f"{name}/y"] = np.asarray(model(values if len(values) > 1 else values[0])).astype("float32")
(folder / "models.json").write_text(json.dumps(written, separators=(",", ":")))
np.savez_compressed(folder / "answers.npz", **arrays)
