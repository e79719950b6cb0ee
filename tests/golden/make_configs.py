"""Writes the configs of every layer of a Keras, as files hold them: tests/golden/configs-VERSION.json.

With Keras 1.2.2 (see keras1/make.py), and with tf-keras (see keras2_words/make.py): `python make_configs.py`.
"""

import inspect
import json
import os

try:
    import tf_keras as keras
    from tf_keras import layers
except ImportError:
    import keras
    from keras import layers

GIVEN = dict(
    activation="relu", axes=1, cropping=1, dims=(2, 1), factor=0.5, filter_length=3, filters=4, height=3,
    height_factor=0.2, input_dim=4, kernel_size=3, mode="sum", n=2, nb_col=3, nb_filter=4, nb_row=3, num_bins=3,
    num_heads=2, key_dim=4, num_tokens=3, output_dim=3, output_shape=(None, 9, 9, 4), p=0.5, pool_size=2, rate=0.5,
    scale=2.0, sigma=0.1, stddev=0.1, target_shape=(2,), units=3, width=4, width_factor=0.2, kernel_dim1=3,
    kernel_dim2=3, kernel_dim3=3, equation="abc,cd->abd", vocabulary=[3, 5], max_value=3.0,
)  # fmt: skip
OWN = {
    "Discretization": dict(bin_boundaries=[1.0, 2.0]),
    "CategoryEncoding": dict(num_tokens=3),
    "IntegerLookup": dict(vocabulary=[3, 5]),
    "EinsumDense": dict(equation="abc,cd->abd", output_shape=(None, 4)),
}

made = {}
for name in dir(layers):
    kind = getattr(layers, name)
    if not inspect.isclass(kind) or not hasattr(kind, "get_config"):
        continue
    spec = inspect.getfullargspec(kind.__init__)
    count = len(spec.args) - len(spec.defaults or ())
    options = {key: GIVEN[key] for key in spec.args[1:count] if key in GIVEN}
    options.update(OWN.get(kind.__name__, {}))
    try:
        made[kind.__name__] = json.loads(json.dumps(kind(**options).get_config(), default=str))
    except Exception as error:
        print(kind.__name__, options, repr(error)[:100])
folder = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(folder, f"configs-{keras.__version__}.json"), "w") as file:
    json.dump({"version": keras.__version__, "layers": made}, file, indent=0, sort_keys=True)
