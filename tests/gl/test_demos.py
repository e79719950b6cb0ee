"""Whole models of the kinds that people show in browsers, through the shaders, against Keras' own predictions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from support.demos import DEMOS
from support.demos.base import seeded
from support.demos.codes import variational
from support.demos.words import characters

import glnn

TOLERANCE = 1e-4  # relative to the largest
# Besides es300, which all run on: how a desktop's and a phone's WebGL1 lay textures, whichever is quick enough.
PROFILES = {"u-net": "webgl1-desktop", "transformer encoder": "webgl1-phone", "text by two LSTMs": "webgl1-desktop"}
PAIRS = [*((name, "es300") for name in DEMOS), *PROFILES.items()]


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras")


@pytest.fixture(scope="module")
def profiles() -> Iterator[dict[str, glnn.Device]]:
    made = {name: glnn.Device(profile=name) for name in sorted(set(PROFILES.values()))}
    made["es300"] = glnn.Device(dialect="es300")
    yield made
    for device in made.values():
        device.close()


def listed(answers: Any) -> list[Any]:
    return list(answers.values()) if isinstance(answers, dict) else answers if isinstance(answers, list) else [answers]


def close(got: np.ndarray, expected: Any) -> None:
    """Same shape, and every value within TOLERANCE times the largest; the values differ between samples."""
    expected = np.asarray(expected)
    assert got.shape == expected.shape and got.dtype == np.float32
    assert expected.std(axis=0).max() > 10 * TOLERANCE * np.abs(expected).max()
    np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE * float(np.abs(expected).max()))


@pytest.mark.parametrize(("name", "profile"), PAIRS)
def test_a_demo_agrees_with_keras(
    keras: Any, profiles: dict[str, glnn.Device], tmp_path: Path, name: str, profile: str
) -> None:
    demo = DEMOS[name]
    model, x = demo.model(keras), demo.values(2)
    expected = listed(model.predict(x, verbose=0))
    with demo.load(demo.saved(model, tmp_path), profiles[profile]) as loaded:
        got = listed(loaded.predict(x))
    assert len(got) == len(expected)
    for k, (ours, theirs) in enumerate(zip(got, expected, strict=True)):
        if k in demo.exact:
            np.testing.assert_array_equal(ours, theirs)
        else:
            close(ours, theirs)
    assert profiles[profile].error() == "GL_NO_ERROR"


@pytest.mark.parametrize("suffix", [".h5", ".weights.h5"])
def test_layers_in_own_layers_get_their_weights_from_every_file(keras: Any, tmp_path: Path, suffix: str) -> None:
    """Also where each part is saved in a group of its own, and in a list of weights."""
    demo = DEMOS["transformer of own layers"]
    model, x, path = demo.model(keras), demo.values(2)["tokens"], tmp_path / f"m{suffix}"
    (model.save if suffix == ".h5" else model.save_weights)(path)
    if suffix != ".h5":
        path = tmp_path / "m.json"
        path.write_text(model.to_json())
    with demo.load(path) as loaded:
        close(loaded.predict(x), model.predict(x, verbose=0))


# ---- a variational autoencoder, trained for a moment


def test_a_variational_autoencoder_of_digits(keras: Any, root: Path, tmp_path: Path) -> None:
    """Encoder and decoder agree with Keras; the sample is told by the user: here its mean, or with noise of his own."""
    with np.load(root / "examples" / "digits_heldout.npz") as data:
        images = (data["images"] / 16).astype(np.float32)[..., None]
    whole = seeded(keras, variational)
    encoder, decoder = whole.get_layer("encoder"), whole.get_layer("decoder")
    whole.compile("adam", "binary_crossentropy")
    whole.optimizer.learning_rate = 0.01
    whole.fit(images[:320], images[:320], batch_size=64, epochs=25, verbose=0)
    for model, name in ((encoder, "encoder"), (decoder, "decoder")):
        model.save(tmp_path / f"{name}.keras")
    x, noise = images[320:], np.random.default_rng(3).normal(size=6)
    objects = {
        "Sampling": lambda t, mean, log_variance: mean + t.apply("exp", 0.5 * log_variance) * t.weight(noise),
    }
    mean, log_variance, _ = (np.asarray(y) for y in encoder.predict(x, verbose=0))
    with glnn.Model.load(tmp_path / "encoder.keras", custom_objects=objects) as ours:
        got = ours.predict(x)
    close(got[0], mean)
    close(got[1], log_variance)
    close(got[2], mean + np.exp(0.5 * log_variance) * noise)
    with glnn.Model.load(tmp_path / "decoder.keras") as ours:
        pictures = ours.predict(got[0])
    close(pictures, decoder.predict(mean, verbose=0))
    error = np.mean((pictures - x) ** 2)
    assert error < 0.6 * np.mean((images[:320].mean(axis=0) - x) ** 2)  # it has learned something


# ---- text, character by character


def test_a_published_character_model_goes_on_from_character_to_character(models: Path, tmp_path: Path) -> None:
    """Made stateful, it gives after 128 single characters what its authors' answer is, and writes the same text."""
    folder = models / "char_lstm"
    if not (folder / "expected.npz").is_file():
        pytest.skip("the character model is not in the folder of models")
    with np.load(folder / "inputs.npz") as given, np.load(folder / "expected.npz") as told:
        x, expected = given["input_0"], told["output_0"]
    path = tmp_path / "stateful.h5"
    path.write_bytes((folder / "scifi-128.hdf5").read_bytes())
    with h5py.File(path, "r+") as file:
        config = json.loads(file.attrs["model_config"])
        config["config"][0]["config"] |= {"stateful": True, "batch_input_shape": [1, None, x.shape[2]]}
        file.attrs["model_config"] = json.dumps(config)
    with glnn.Model.load(path) as model, glnn.Model.load(folder / "scifi-128.hdf5") as whole:
        model.predict(x[:, :100])
        for at in range(100, 128):
            made = model.predict(x[:, at : at + 1])
        np.testing.assert_allclose(made, expected, rtol=0, atol=1e-4)
        window, written = x, []
        for _ in range(3):  # what follows differs only by what the window has forgotten
            written.append(int(made.argmax()))
            character = np.eye(x.shape[2], dtype=np.float32)[made.argmax(axis=-1)][:, None]
            made, window = model.predict(character), np.concatenate([window[:, 1:], character], axis=1)
            np.testing.assert_allclose(made, whole.predict(window), rtol=0, atol=0.05)
            assert made.argmax() == whole.predict(window).argmax()
        model.reset_states()
        np.testing.assert_allclose(model.predict(x), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_a_stateful_model_writes_the_text_that_keras_writes(keras: Any, tmp_path: Path, suffix: str) -> None:
    """Sampled with the same random numbers from the probabilities of each, two texts at a time."""
    model = seeded(keras, lambda keras: characters(keras, stateful=True))
    whole = seeded(keras, lambda keras: characters(keras, stateful=False))
    whole.set_weights(model.get_weights())
    model.save(tmp_path / f"m{suffix}")
    steps = 12

    def write(step: Any) -> tuple[np.ndarray, np.ndarray]:
        rng, text, told = np.random.default_rng(9), np.array([[3], [7]]), []
        for k in range(steps):
            logits = np.asarray(step(text[:, k : k + 1]), np.float64)
            told.append(logits)
            drawn = (logits / 0.8 + rng.gumbel(size=logits.shape)).argmax(axis=1)
            text = np.concatenate([text, drawn[:, None]], axis=1)
        return text, np.array(told)

    theirs, expected = write(model)
    with glnn.Model.load(tmp_path / f"m{suffix}") as loaded:
        for _ in range(2):
            ours, got = write(loaded.predict)
            np.testing.assert_array_equal(ours, theirs)
            close(got.astype(np.float32), expected)
            loaded.reset_states()
    assert len(set(ours[0])) > 5 and (ours[0] != ours[1]).any()
    close(np.float32(got[-1]), whole.predict(theirs[:, :steps], verbose=0))
