"""Profiles on a real device: its limits are those of the profile, models run under them, reports go round."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from support.seeds import seeded

import glnn
from glnn.cli import doctor
from glnn.device.profiles import PROFILES
from glnn.errors import DeviceError, LimitError
from glnn.layers.base import LAYERS
from glnn.layers.conv import Conv2D
from glnn.testing import check_layer

RNG = seeded(2)


@pytest.mark.parametrize("name", PROFILES)
def test_a_layer_runs_under_every_profile(name: str) -> None:
    x = RNG.normal(size=(2, 9, 7, 5)).astype(np.float32)
    weights = {"kernel": RNG.normal(size=(3, 3, 5, 6)).astype(np.float32) / 6, "bias": np.ones(6, np.float32)}
    with glnn.Device(profile=name) as device:
        assert device.limits == PROFILES[name].limits and device.forced["profile"] == name
        run = check_layer(device, Conv2D(6, (3, 3), padding="same"), [x], weights)
        check_layer(device, LAYERS["Dense"](5), [x[0, 0]], {"kernel": x[0, 0, :5, :5], "bias": x[0, 0, 0]})
        limits = device.limits
        assert all(slot.layers <= max(1, limits.draw_buffers) for slot in run.plan.slots)
        assert all(max(slot.width, slot.height) <= limits.max_texture_size for slot in run.plan.slots)
        assert {slot.format for slot in run.plan.slots} == {limits.float_target}
        with pytest.raises(LimitError):
            device.texture(limits.max_texture_size + 1, 1, 0, "rgba8")


def test_a_profile_above_this_device(tmp_path: Path) -> None:
    with glnn.Device() as device:
        most = device.queried.max_texture_size
        about = {"verdict": "ready", "limits": {**asdict(device.limits), "max_texture_size": 2 * most}}
    path = tmp_path / "large.json"
    path.write_text(json.dumps(about))
    with pytest.raises(DeviceError, match=rf"large.json': max_texture_size={2 * most}: .* has {most} .*argument max_"):
        glnn.Device(profile=path)
    with glnn.Device(profile=path, max_texture_size=most) as device:
        assert device.limits.max_texture_size == most


def test_the_own_report_as_a_profile(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert doctor.report(json=True) == 0
    path = tmp_path / "own.json"
    path.write_text(capsys.readouterr().out)
    with glnn.Device() as plain, glnn.Device(profile=path) as device:
        assert device.limits == plain.limits and plain.forced == {}
        assert device.forced["profile"] == str(path) and device.forced["dialect"] == plain.limits.dialect


def test_a_profile_by_variable_is_told_by_the_doctor(root: Path, tmp_path: Path) -> None:
    """In a process of its own, as on the command line: the report under a profile is one that holds its limits."""
    paths = f"{root}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    variables = {**os.environ, "GLNN_PROFILE": "webgl1-phone", "PYTHONPATH": paths}

    def told(*options: str) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "glnn", "doctor", *options]
        return subprocess.run(command, env=variables, capture_output=True, text=True, cwd=tmp_path)

    about = json.loads(told("--json").stdout)
    assert about["limits"] == asdict(PROFILES["webgl1-phone"].limits) and about["forced"]["profile"] == "webgl1-phone"
    text = told().stdout
    assert "profile            webgl1-phone" in text and all(profile.about in text for profile in PROFILES.values())
    variables["GLNN_PROFILE"] = "webgl1-phones"
    wrong = told()
    assert wrong.returncode == 1 and "did you mean 'webgl1-phone'" in wrong.stderr


def test_few_array_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLNN_ARRAY_LAYERS", "8")
    with glnn.Device() as device:
        assert device.limits.array_layers == 8 and device.forced == {"array_layers": 8}
        device.texture(2, 2, 8, "rgba8").release()
        with pytest.raises(LimitError, match="up to 8 layers"):
            device.texture(2, 2, 9, "rgba8")


def test_precision_is_a_limit() -> None:
    with glnn.Device() as device:
        assert device.limits.precision == "highp"
    with glnn.Device(precision="mediump") as device:
        assert device.limits.precision == "mediump" and device.forced == {"precision": "mediump"}
