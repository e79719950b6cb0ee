"""What Keras and TensorFlow call operators and their arguments, and which of glnn's table they are.

A row is the operator's name and, where they differ, its arguments' names: "pow power y=x2". Keras 3 has classes whose
names and arguments are mostly those of the table; what differs is told here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

LAMBDAS = frozenset(("TFOpLambda", "SlicingOpLambda"))
CLASSES = dict(
    row.split()
    for row in """
Absolute abs
Fabs abs
Amax max
Amin min
Arccos acos
Arccosh acosh
Arcsin asin
Arcsinh asinh
Arctan atan
Arctan2 atan2
Arctanh atanh
TrueDivide divide
StopGradient identity
Copy identity
Conjugate identity
Real identity
ConvertToTensor identity
EmptyLike zeros_like
BatchNorm batch_normalization
RMSNorm rms_normalization
LayerNorm layer_normalization
SearchSorted searchsorted
GetItem getitem
RGBToGrayscale rgb_to_grayscale
NanToNum nan_to_num
""".strip().splitlines()
)

TENSORFLOW: dict[str, tuple[str, dict[str, str]]] = {}  # those of compat.v1 are told without it
for _row in """
math.add add y=x2
__operators__.add add y=x2
math.subtract subtract y=x2
math.multiply multiply y=x2
math.scalar_mul multiply x=x2
math.truediv divide y=x2
math.divide divide y=x2
__operators__.truediv divide y=x2
div divide y=x2
math.divide_no_nan divide_no_nan y=x2
math.multiply_no_nan multiply_no_nan y=x2
math.floordiv floor_divide y=x2
floor_div floor_divide y=x2
math.floormod mod y=x2
truncatediv truncate_divide y=x2
truncatemod fmod y=x2
math.mod mod y=x2
math.pow power y=x2
math.maximum maximum y=x2
math.minimum minimum y=x2
math.squared_difference squared_difference y=x2
math.atan2 atan2 x=x2
math.greater greater y=x2
math.greater_equal greater_equal y=x2
math.less less y=x2
math.less_equal less_equal y=x2
math.equal equal y=x2
math.not_equal not_equal y=x2
__operators__.eq equal other=x2 y=x2
__operators__.ne not_equal other=x2 y=x2
math.logical_and logical_and y=x2
math.logical_or logical_or y=x2
math.logical_xor logical_xor y=x2
math.logical_not logical_not
math.negative negative
math.abs abs
math.sign sign
math.square square
math.sqrt sqrt
math.rsqrt rsqrt
math.reciprocal reciprocal
math.exp exp
math.expm1 expm1
math.log log
math.log1p log1p
math.sin sin
math.cos cos
math.tan tan
math.asin asin
math.acos acos
math.atan atan
math.sinh sinh
math.cosh cosh
math.asinh asinh
math.acosh acosh
math.atanh atanh
math.tanh tanh
math.sigmoid sigmoid
math.erf erf
math.floor floor
math.ceil ceil
math.round round
math.rint round
math.is_nan isnan
math.is_inf isinf
math.is_finite isfinite
math.softplus softplus
math.log_sigmoid log_sigmoid
nn.relu relu
nn.relu6 relu6
nn.leaky_relu leaky_relu alpha=negative_slope
nn.elu elu
nn.selu selu
nn.gelu gelu
nn.silu silu
nn.softsign softsign
nn.softmax softmax
nn.log_softmax log_softmax
keras.activations.hard_sigmoid hard_sigmoid_keras2
math.reduce_sum sum
math.reduce_mean mean
math.reduce_max max
math.reduce_min min
math.reduce_prod prod
math.reduce_all all
math.reduce_any any
math.reduce_std std
math.reduce_variance var
math.reduce_logsumexp logsumexp
math.reduce_euclidean_norm norm
math.count_nonzero count_nonzero
math.argmax argmax
math.argmin argmin
math.cumsum cumsum
math.cumprod cumprod
math.l2_normalize l2_normalize
math.top_k top_k
math.add_n add_n
nn.moments moments
norm norm
sort sort
argsort argsort
cast cast
identity identity
stop_gradient identity
grad_pass_through identity
reshape reshape shape=newshape
transpose transpose perm=axes
expand_dims expand_dims
squeeze squeeze
concat concatenate
stack stack
unstack unstack
split split_sizes num_or_size_splits=sizes
slice slice begin=start_indices size=shape
strided_slice strided_slice
__operators__.getitem getitem slice_spec=key
tile tile multiples=repeats
repeat repeat
roll roll
reverse flip
pad pad paddings=pad_width
broadcast_to broadcast_to
where where x=x1 y=x2
clip_by_value clip clip_value_min=x_min clip_value_max=x_max
gather take
gather_nd gather_nd
one_hot one_hot depth=num_classes
zeros_like zeros_like
ones_like ones_like
zeros zeros
ones ones
fill full dims=shape value=fill_value
range arange limit=stop delta=step
linalg.matmul matmul b=x2
linalg.band_part band_part
linalg.cross cross b=x2
tensordot tensordot b=x2
einsum einsum
nn.conv2d conv filter=kernel filters=kernel dilations=dilation_rate
nn.depthwise_conv2d depthwise_conv filter=kernel dilations=dilation_rate rate=dilation_rate
nn.max_pool max_pool ksize=pool_size
nn.max_pool2d max_pool ksize=pool_size
nn.avg_pool average_pool ksize=pool_size
nn.avg_pool2d average_pool ksize=pool_size
nn.bias_add add bias=x2
nn.depth_to_space depth_to_space
nn.space_to_depth space_to_depth
depth_to_space depth_to_space
space_to_depth space_to_depth
nn.batch_normalization batch_normalization variance_epsilon=epsilon
image.resize resize method=interpolation
image.rgb_to_grayscale rgb_to_grayscale
shape shape
size size
rank rank
""".strip().splitlines():
    _name, _word, *_renamed = _row.split()
    TENSORFLOW[_name] = (_word, dict(pair.split("=") for pair in _renamed))

# Arguments that may be left out where they have these values (any, where None is not among them as a tuple).
IDLE: dict[str, tuple[Any, ...]] = {
    "name": (),
    "conjugate": (False,),
    "validate_indices": (None, True),
    "out_type": (),
    "output_type": (),
    "use_cudnn_on_gpu": (True,),
    "sparse": (False,),
    "validate_shape": (True,),
    "crop_to_aspect_ratio": (False,),
    "pad_to_aspect_ratio": (False,),
    "preserve_aspect_ratio": (False,),
    "fill_mode": ("constant",),
    "initial": (None,),
    "synchronized": (False,),
    "rms_scaling": (False,),
    "bad_indices_policy": ("",),
    "optimize": (),
    "stable": (),
    "keep_dims": (None,),
    "reduction_indices": (None,),
    "squeeze_dims": (None,),
    "dim": (None,),
    "tf_name": (),
    "direction": ("ASCENDING",),
    "sorted": (True,),
    "num": (),
    "transpose_x": (False,),
    "adjoint_a": (False,),
    "adjoint_b": (False,),
    "a_is_sparse": (False,),
    "b_is_sparse": (False,),
    "index_type": (),
    "shift": (None,),
    "layout": (None,),
    "flash_attention": (),
}


def class_word(name: str) -> str:
    """The operator that a class of keras.ops is: its name in snake case, where no other is told."""
    spelled = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return CLASSES.get(name, spelled)


def is_operation(item: Mapping[str, Any], version: int) -> bool:
    """Whether this item is an operator, not a layer: layers tell in their config whether they are trained."""
    name, config, module = item.get("class_name"), item.get("config"), item.get("module")
    if name in LAMBDAS:
        return True
    if version < 3 or not isinstance(config, Mapping) or "trainable" in config or name in ("InputLayer", "Functional"):
        return False
    if isinstance(module, str):
        return ".ops" in module
    if "dtype" not in config:
        return True
    from ...layers.operators import OPERATORS  # which models of layers alone need not wait for

    return class_word(str(name)) in OPERATORS
