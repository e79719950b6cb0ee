"""Which corners there are, and how devices are asked for and kept."""

from __future__ import annotations

import subprocess
import sys

import pytest

from glnn.errors import InputError, NoDeviceError
from glnn.testing import choice, corners
from glnn.testing.choice import Choice
from glnn.testing.corners import Asked, devices, product


def names(**options: object) -> list[str]:
    return [str(corner) for corner in product(**options)]  # type: ignore[arg-type]


def test_all_corners() -> None:
    found = names()
    assert len(found) == len(set(found)) == 32
    for dialect in ("es300", "gl330", "es100"):
        for codec in ("float32", "float16", "rgba8", "uint8"):
            assert f"{dialect}, own limits, {codec}" in found and f"{dialect}, textures of 16, {codec}" in found
        assert f"{dialect}, float16 targets, float32" in found
    assert "es100, 1 draw buffer, float32" not in found  # it never has more
    assert "es300, float16 targets, uint8" not in found  # coded anyway


def test_corners_as_asked() -> None:
    assert names(dialects="es100", limits=["own limits"], codecs=["uint8"]) == ["es100, own limits, uint8"]
    assert names(dialects=["es300"], limits=[{"max_texture_size": 32}], codecs=["float32"]) == [
        "es300, textures of 32, float32"
    ]
    assert names(limits=["webgl1-phone", "webgl2-phone"], codecs=["float32"]) == [
        "es100, webgl1-phone, float32", "es300, webgl2-phone, float32",
    ]  # fmt: skip
    assert names(dialects=["es300"], limits=["own limits"], codecs=["float32"], weights=["uint8"])[1:] == [
        "es300, own limits, float32, uint8 weights"
    ]


def test_what_is_not_there_is_refused() -> None:
    for options, told in (
        ({"dialects": ["es90"]}, "'es90' came; allowed are es300"),
        ({"codecs": ["float8"]}, "'float8' came; allowed are float32, float16"),
        ({"limits": ["webgl9"]}, "no such profile"),
        ({"limits": [{"texture_size": 4}]}, "no texture_size; allowed are max_texture_size"),
        ({"weights": ["int8"]}, "'int8' came"),
    ):
        with pytest.raises(InputError, match=told):
            product(**options)  # type: ignore[arg-type]


def test_a_run_of_tests_chooses() -> None:
    choice.begin(Choice(dialects=("es100",), codecs=("float32",), profiles=("webgl2-phone",)))
    try:
        found = names()
        assert {name.split(",")[0] for name in found if "webgl2" not in name} == {"es100"}
        assert "es300, webgl2-phone, float32" in found and not any("uint8" in name for name in found)
        assert [d.name for d in devices()] == ["es100", "webgl2-phone"]
    finally:
        choice.end()
    assert [d.name for d in devices()] == ["es300", "gl330", "es100"]


def test_devices_of_a_marker() -> None:
    (one,) = devices(profiles="webgl1-phone", max_texture_size=16)
    assert one == Asked("webgl1-phone, textures of 16", (("max_texture_size", 16), ("profile", "webgl1-phone")))
    assert Asked.of("es100").wishes == (("dialect", "es100"),)
    assert Asked.of({"draw_buffers": 4}).wishes == (("draw_buffers", 4),)


def test_devices_are_kept_and_closed() -> None:
    choice.begin(Choice(numpy=True))
    try:
        first = corners.opened(max_texture_size=64)
        assert corners.opened(max_texture_size=64) is first
        for size in range(65, 65 + corners.MOST_DEVICES):
            corners.opened(max_texture_size=size)
        assert repr(first).endswith("closed>") and len(corners._devices) == corners.MOST_DEVICES
        corners.close_devices()
        assert not corners._devices
    finally:
        choice.end()


def test_without_opengl_whoever_runs_tests_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(**wishes: object) -> None:
        raise NoDeviceError("none here")

    monkeypatch.setattr(corners, "Device", none)
    asked: list[NoDeviceError] = []
    choice.begin(Choice(no_opengl=asked.append))
    try:
        with pytest.raises(NoDeviceError, match="none here"):
            corners.made()
    finally:
        choice.end()
    assert len(asked) == 1


def test_the_plugin_imports_nothing_heavy() -> None:
    heavy = "{'numpy', 'h5py', 'moderngl', 'glcontext', 'hypothesis', 'keras', 'jax', 'PIL'}"
    code = f"import sys, glnn.testing.plugin; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
