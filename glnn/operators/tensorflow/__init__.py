"""The operators of TensorFlow that TensorFlow.js' graph-models have, as TensorFlow.js computes them (op_list and
executors of @tensorflow/tfjs-converter); importing this fills the vocabulary."""

from ..table import vocabulary

NAME = "tensorflow"
tensorflow = vocabulary(NAME, {"": 1})
# Attributes that say of which types inputs are, or how TensorFlow computes: the values do not depend on them.
SILENT = frozenset(
    "T Tidx Tshape Tpaddings Tdim Tdims Tlen Tindices Tparams Taxis Tmultiples Tperm Tblock_shape Tcrops T_threshold "
    "Tin Tout Tcond Targmax Index N U SrcT Truncate num_args num num_elements index_type out_type output_type "
    "out_idx shape_type element_dtype element_shape tensor_array_name clear_after_read identical_element_shapes "
    "dynamic_size dtype shape use_cudnn_on_gpu useCudnnOnGpu cudnn_use_autotune incompatible_shape_error "
    "validate_indices parallel_iterations output_shapes config config_proto executor_type exponential_avg_factor "
    "sorted message first_n summarize element_shape_except0 lower_bound Toutput_types".split()
)

from . import boxes, control, elements, images, joins, lists, math, moves, picks, reductions, values  # noqa: E402, F401
