"""Device profiles: by name, out of a report, what goes before them, and what is wrong with them. Needs no OpenGL."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from glnn.cli import doctor
from glnn.device.profiles import PROFILES, resolve
from glnn.device.wishes import Wishes, choose
from glnn.errors import DeviceError, InputError
from glnn.layout.limits import DIALECTS, TARGETS, Limits
from glnn.web.export import VARIANTS

HAS = Limits(16384, 8, 32, "float32", "es300", 2048)
REPORTED = Limits(8192, 4, 16, "float16", "gl330", 512)


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for (
        name
    ) in "PROFILE PRECISION ARRAY_LAYERS MAX_TEXTURE_SIZE DRAW_BUFFERS TEXTURE_UNITS FLOAT_TARGETS DIALECT".split():
        monkeypatch.delenv(f"GLNN_{name}", raising=False)


def chosen(broken: set[str] = frozenset(), has: Limits = HAS, **wishes: Any) -> tuple[Limits, dict[str, Any]]:  # type: ignore[assignment]
    """What a made-up device gives, on which every probe works but those whose names begin with one of `broken`."""
    return choose(
        lambda name: not name.startswith(tuple(broken)), has, Wishes.gather(**wishes), "a made-up device in software"
    )


def report(tmp_path: Path, limits: Any = None, **more: Any) -> Path:
    """A report as another machine's `glnn doctor --json` writes it."""
    about = {"ok": True, "verdict": "ready", "device": {"renderer": "Mali-G57"}, "limits": limits or asdict(REPORTED)}
    path = tmp_path / "other.json"
    path.write_text(json.dumps({**about, **more}))
    return path


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_imposes_all_its_limits(name: str) -> None:
    limits, forced = chosen(profile=name)
    assert limits == PROFILES[name].limits and forced["profile"] == name
    told = {key: value for key, value in asdict(limits).items() if key != "float_target"}
    assert forced == {**told, "float_targets": (limits.float_target,), "profile": name}
    assert PROFILES[name].name == name and "\n" not in PROFILES[name].about and len(PROFILES[name].about) < 100
    assert limits.dialect in DIALECTS and limits.float_target in TARGETS and limits.precision == "highp"


def test_the_export_is_made_for_profiles() -> None:
    assert {id(limits) for limits in VARIANTS.values()} <= {id(profile.limits) for profile in PROFILES.values()}


def test_phones_are_as_small_as_they_are() -> None:
    phone, old = PROFILES["webgl2-phone"].limits, PROFILES["webgl1-phone"].limits
    assert (phone.max_texture_size, phone.draw_buffers, phone.texture_units) == (4096, 4, 16)
    assert (phone.float_target, phone.dialect) == ("float16", "es300")
    assert (old.max_texture_size, old.draw_buffers, old.texture_units) == (4096, 1, 8)
    assert (old.float_target, old.dialect) == ("rgba8", "es100")


# ---- reports of other machines


@pytest.mark.parametrize("how", [str, Path])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_report_of_another_machine(tmp_path: Path, how: Any, encoding: str) -> None:
    path = report(tmp_path)
    path.write_text(path.read_text(), encoding=encoding)
    limits, forced = chosen(profile=how(path))
    assert limits == REPORTED and forced["profile"] == str(path) and resolve(path).about == "Mali-G57"


def test_a_report_by_another_suffix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = report(tmp_path).rename(tmp_path / "phone")
    monkeypatch.chdir(tmp_path)
    assert resolve("phone").limits == resolve(path).limits == REPORTED


def test_older_reports_have_no_precision(tmp_path: Path) -> None:
    old = {key: value for key, value in asdict(REPORTED).items() if key != "precision"}
    assert resolve(report(tmp_path, old)).limits == REPORTED
    low = {**old, "precision": "mediump"}
    assert chosen(profile=report(tmp_path, low))[0] == replace(REPORTED, precision="mediump")


def test_the_own_report_is_a_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What doctor writes and what a profile reads are the same fields, whatever becomes of either."""

    class Made:
        renderer, vendor, version, glsl_version, limits, forced, probe = "r", "v", "4.5", "4.50", REPORTED, {}, ()
        why_stage = "fragment (as asked for)"

        def __enter__(self) -> Made:
            return self

        def __exit__(self, *error: Any) -> None: ...

    monkeypatch.setattr("glnn.device.device.Device", Made)
    about = doctor.collect()
    path = tmp_path / "own.json"
    path.write_text(json.dumps(about))
    assert about["ok"] and resolve(path).limits == REPORTED
    told = "\n".join(doctor.plain(about))
    assert all(f"{name} " in told and profile.about in told for name, profile in PROFILES.items())


# ---- what goes before a profile


def test_arguments_and_variables_go_before_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLNN_DRAW_BUFFERS", "2")
    monkeypatch.setenv("GLNN_MAX_TEXTURE_SIZE", "99")
    wishes = Wishes.gather(profile="webgl2-phone", max_texture_size=512, float_targets="float32", precision="mediump")
    assert wishes.imposed == {"texture_units", "array_layers", "dialect"}
    limits, forced = chosen(
        profile="webgl2-phone", max_texture_size=512, float_targets="float32", precision="mediump", array_layers=64
    )
    assert limits == Limits(512, 2, 16, "float32", "es300", 64, "mediump")
    assert forced["profile"] == "webgl2-phone" and forced["max_texture_size"] == 512
    higher, _ = chosen(profile="webgl2-minimum", max_texture_size=16384)  # also above the profile
    assert higher.max_texture_size == 16384


def test_a_profile_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLNN_PROFILE", "webgl1-phone")
    assert chosen()[0] == PROFILES["webgl1-phone"].limits
    assert chosen(profile="webgl2-phone")[0] == PROFILES["webgl2-phone"].limits
    monkeypatch.setenv("GLNN_PROFILE", "webgl3")
    with pytest.raises(InputError, match="GLNN_PROFILE='webgl3'"):
        chosen()


def test_without_a_profile_nothing_is_forced() -> None:
    assert chosen() == (replace(HAS, texture_units=16), {})
    assert chosen(precision="highp") == (replace(HAS, texture_units=16), {"precision": "highp"})


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("PRECISION", "lowp", "highp, mediump"),
        ("ARRAY_LAYERS", "0", "whole number of 1"),
        ("DIALECT", "es200", "es300"),
    ],
)
def test_bad_wishes_are_named(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, allowed: str) -> None:
    with pytest.raises(InputError, match=f"{variable.lower()}='?{value}.*{allowed}"):
        Wishes.gather(**{variable.lower(): value})
    monkeypatch.setenv(f"GLNN_{variable}", value)
    with pytest.raises(InputError, match=f"GLNN_{variable}='{value}'.*{allowed}"):
        Wishes.gather()


# ---- more than the device has


@pytest.mark.parametrize(
    ("limit", "argument", "most"),
    [
        ("max_texture_size", "max_texture_size=1024 or less", 1024),
        ("draw_buffers", "draw_buffers=1 or less", 1),
        ("texture_units", "texture_units=8 or less", 8),
        ("array_layers", "array_layers=100 or less", 100),
    ],
)
def test_what_the_device_lacks_is_not_lowered_in_silence(limit: str, argument: str, most: int) -> None:
    has, wanted = replace(HAS, **{limit: most}), getattr(PROFILES["webgl2-desktop"].limits, limit)
    broken = {"es300 8 draw", "es300 4 draw"} if limit == "draw_buffers" else set()
    with pytest.raises(DeviceError) as caught:
        chosen(broken, has, profile="webgl2-desktop")
    told = str(caught.value)
    assert f"profile 'webgl2-desktop': {limit}={wanted}: a made-up device in software has {most}" in told
    assert f"argument {argument} (or GLNN_{limit.upper()})" in told
    assert getattr(chosen(broken, has, profile="webgl2-desktop", **{limit: most})[0], limit) == most
    with pytest.raises(DeviceError) as caught:
        chosen(broken, has, **{limit: wanted})
    assert str(caught.value).startswith(f"{limit}={wanted}") and "argument" not in str(caught.value)


def test_targets_and_dialects_that_the_device_lacks() -> None:
    with pytest.raises(
        DeviceError, match=r"profile 'webgl2-desktop': float_targets=float32: .*argument float_targets='float16'"
    ):
        chosen({"es300 float32"}, profile="webgl2-desktop")
    with pytest.raises(
        DeviceError, match=r"profile 'webgl1-phone': dialect='es100': .* runs es300, gl330.*dialect='es300'"
    ):
        chosen({"es100"}, profile="webgl1-phone")


# ---- profiles that are none


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("webgl1-phones", "did you mean 'webgl1-phone'"),
        ("nonsense", "webgl2-desktop, .*webgl1-minimum, or the path"),
        ("", "Allowed are"),
        ("gone.json", "'gone.json': No such file"),
        (Path("gone"), "'gone': No such file"),
        (Path(), "'.': Is a directory"),
        (7, "not int"),
    ],
)
def test_unknown_profiles(value: Any, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=words):
        resolve(value)


LACKING = {key: value for key, value in asdict(REPORTED).items() if key != "dialect"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not JSON"),
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a report"),
        ('{"model": 1}', "not a report"),
        (
            '{"verdict": "glnn cannot run here", "error": "NoDeviceError: no OpenGL\\n  - tried"}',
            r"\(NoDeviceError: no OpenGL\)",
        ),
        ('{"verdict": "?", "limits": 3}', "without limits"),
        (json.dumps({"limits": LACKING}), "lack dialect"),
        (json.dumps({"limits": {**asdict(REPORTED), "rays": 3}}), "does not know: rays"),
        (json.dumps({"limits": {**asdict(REPORTED), "draw_buffers": "8"}}), "draw_buffers is '8'"),
        (json.dumps({"limits": {**asdict(REPORTED), "draw_buffers": True}}), "draw_buffers is True"),
        (json.dumps({"limits": {**asdict(REPORTED), "texture_units": 0}}), "texture_units is 0"),
        (json.dumps({"limits": {**asdict(REPORTED), "dialect": None}}), "dialect is None"),
    ],
)
def test_files_that_are_no_report(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "phone.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        resolve(str(path))
    assert "phone.json" in str(caught.value)
    assert "doctor" in str(caught.value) or "Update glnn" in str(caught.value)


def test_a_report_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "phone.json").write_bytes(b"\x89PNG\r\n\xff\xfe")
    with pytest.raises(InputError, match=r"phone.json.*not JSON"):
        resolve(tmp_path / "phone.json")


@pytest.mark.parametrize("limit", ["float_target", "dialect", "precision"])
def test_names_that_a_report_may_not_hold(tmp_path: Path, limit: str) -> None:
    path = report(tmp_path, {**asdict(REPORTED), limit: "best"})
    with pytest.raises(InputError, match=f"profile '.*other.json': {limit}='best': allowed are"):
        Wishes.gather(profile=path)
