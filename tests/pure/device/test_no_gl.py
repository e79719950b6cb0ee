"""Without OpenGL: what imports, and what people are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from glnn.device import context as gl
from glnn.device.messages import explain
from glnn.device.probe import buffer_counts
from glnn.device.wishes import Wishes, choose
from glnn.errors import DeviceError, InputError, NoDeviceError
from glnn.layout.limits import DIALECTS, TARGETS, Limits

NO_GL = "import moderngl\ndef fail(**k): raise Exception('library not loaded')\nmoderngl.create_context = fail\n"


def python(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, **environ}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, timeout=60)


def test_importing_the_device_module_does_not_import_moderngl():
    code = (
        "import sys, glnn, glnn.device.device, glnn.cli.doctor; "
        "sys.exit('moderngl' in sys.modules or 'glcontext' in sys.modules)"
    )
    assert python(code).returncode == 0


def test_no_device_error_lists_every_attempt_and_the_package_line(monkeypatch):
    moderngl = pytest.importorskip("moderngl")
    seen = []

    def fail(**settings):
        seen.append(settings)
        raise Exception(f"attempt {len(seen)} failed")

    monkeypatch.setattr(moderngl, "create_context", fail)
    monkeypatch.setattr(gl.sys, "platform", "linux")
    with pytest.raises(NoDeviceError) as caught:
        gl.create_context()
    text = str(caught.value)
    assert [s.get("backend") for s in seen][:1] == ["egl"] and "backend" not in seen[-1]
    assert all(f"attempt {i} failed" in text for i in range(2, len(seen) + 1, 2))  # each way for two versions
    assert "libEGL.so.1" in text and "libX11.so.6" in text and gl.package_line() in text


def test_further_egl_devices_are_tried_only_as_far_as_there_are_any(monkeypatch):
    moderngl = pytest.importorskip("moderngl")
    indices = []

    def fail(**settings):
        index = settings.get("device_index", 0)
        indices.append(index)
        raise Exception("no" if index < 2 else f"requested device index {index}, but found 2 devices")

    monkeypatch.setattr(moderngl, "create_context", fail)
    with pytest.raises(NoDeviceError):
        gl.create_context()
    assert max(indices) <= 2


def test_without_any_egl_device_the_other_ways_are_tried(monkeypatch):
    """EGL may be installed and know no device; X11 and the platform's own way then still may work."""
    moderngl = pytest.importorskip("moderngl")
    tried = []

    class Made:
        gc_mode = "auto"

    def no_device(**settings):
        tried.append(settings)
        if settings.get("backend") == "egl":
            raise Exception(f"requested device index {settings.get('device_index', 0)}, but found 0 devices")
        return Made()

    monkeypatch.setattr(moderngl, "create_context", no_device)
    monkeypatch.setattr(gl.sys, "platform", "linux")
    assert isinstance(gl.create_context(), Made) and gl.create_context().gc_mode is None
    assert "libx11" in tried[-1] and not any("device_index" in settings for settings in tried)


def test_an_index_is_tried_with_egl_only():
    assert all(s["backend"] == "egl" and s["device_index"] == 3 for _, s in gl.attempts(3, "linux"))
    assert gl.attempts(3, "win32") == []
    assert "only EGL" in gl.no_device_message([], 3)


@pytest.mark.parametrize(
    ("release", "platform", "expected"),
    [
        ({"ID": "debian"}, "linux", "apt-get install -y libegl1 libgl1-mesa-dri"),
        ({"ID": "linuxmint", "ID_LIKE": "ubuntu debian"}, "linux", "apt-get install -y libegl1 libgl1-mesa-dri"),
        ({"ID": "fedora"}, "linux", "dnf install -y mesa-libEGL mesa-dri-drivers"),
        ({"ID": "rocky", "ID_LIKE": "rhel centos fedora"}, "linux", "dnf install"),
        ({"ID": "alpine"}, "linux", "apk add mesa-egl mesa-gl mesa-dri-gallium"),
        ({"ID": "arch"}, "linux", "pacman -S"),
        ({}, "linux", "package manager"),
        ({}, "darwin", "macOS"),
        ({}, "win32", "opengl32.dll"),
    ],
)
def test_package_line_is_that_of_the_system(release, platform, expected):
    assert expected in gl.package_line(release, platform)


def test_os_release_is_read_with_and_without_quotes(tmp_path):
    file = tmp_path / "os-release"
    file.write_text('# comment\nID=ubuntu\nID_LIKE="debian x"\nBROKEN\n')
    assert gl.read_os_release(str(file)) == {"ID": "ubuntu", "ID_LIKE": "debian x"}
    assert gl.read_os_release(str(tmp_path / "none")) == {}


def test_moderngl_missing_is_told():
    done = python("import sys; sys.modules['moderngl'] = None\nimport glnn\nglnn.Device()")
    assert "NoDeviceError" in done.stderr and "pip install moderngl" in done.stderr


def test_doctor_without_opengl_says_what_was_tried_and_returns_1():
    done = python(NO_GL + "from glnn.cli import doctor; raise SystemExit(doctor.report())")
    assert done.returncode == 1 and "library not loaded" in done.stdout and gl.package_line() in done.stdout
    assert "verdict: glnn cannot run here" in done.stdout and "Traceback" not in done.stderr
    done = python(NO_GL + "from glnn.cli import doctor; raise SystemExit(doctor.report(json=True))")
    assert done.returncode == 1 and json.loads(done.stdout)["ok"] is False


# ---- limits, on a device that is made up


def made_up(broken: set[str]):
    """A device's probes, of which those in `broken` fail."""
    return lambda name: name not in broken


HAS = Limits(max_texture_size=8192, draw_buffers=8, texture_units=32, array_layers=2048)


def chosen(broken=(), **wishes) -> Limits:
    return choose(made_up(set(broken)), HAS, Wishes(**wishes), "a made-up device in software")[0]


def without(dialect: str) -> set[str]:
    return {f"{dialect} {target}" for target in TARGETS}


def test_the_best_that_works_is_chosen():
    assert chosen() == Limits(8192, 8, 16, "float32", "es300", 2048)
    assert chosen(without("es300")).dialect == "gl330"
    assert chosen(without("es300") | without("gl330")) == Limits(8192, 1, 16, "float32", "es100", 2048)
    assert chosen({"es300 float32"}).float_target == "float16"
    assert chosen({"es300 float32", "es300 float16"}).float_target == "rgba8"
    assert chosen({"es300 8 draw buffers"}).draw_buffers == 4
    assert chosen({"texture size 8192", "texture size 4096"}).max_texture_size == 2048
    assert chosen({"16 texture units"}).texture_units == 8


def test_wishes_lower_limits():
    low = chosen(
        max_texture_size=64, draw_buffers=2, texture_units=4, float_targets=("rgba8", "float16"), dialect="gl330"
    )
    assert low == Limits(64, 2, 4, "float16", "gl330", 2048)


@pytest.mark.parametrize(
    ("broken", "wishes", "told"),
    [
        ((), {"max_texture_size": 8193}, "8192"),
        ((), {"draw_buffers": 9}, "8"),
        ((), {"draw_buffers": 2, "dialect": "es100"}, "1 in es100"),
        ((), {"texture_units": 64}, "16"),
        (without("gl330"), {"dialect": "gl330"}, "es300, es100"),
        ({"es300 float32"}, {"float_targets": ("float32",)}, "float16, rgba8"),
        (set().union(*map(without, DIALECTS)), {}, "no kernel can run"),
    ],
)
def test_a_wish_above_the_device_says_what_it_has(broken, wishes, told):
    with pytest.raises(DeviceError, match=told):
        chosen(broken, **wishes)


def test_a_gpu_computes_where_compute_shaders_work():
    """And says what it runs where they are asked for in vain."""
    ask = made_up(set())
    assert choose(ask, HAS, Wishes(), "a made-up GPU")[0].stage == "compute"
    assert choose(ask, HAS, Wishes(stage="fragment"), "a made-up GPU")[0].dialect == "es300"
    assert choose(ask, HAS, Wishes(stage="compute"), "a made-up device in software")[0].dialect == "gl430"
    none = made_up(without("gl430"))
    assert choose(none, HAS, Wishes(), "a made-up GPU")[0].dialect == "es300"
    with pytest.raises(DeviceError, match=r"stage='compute': a made-up GPU runs es300.*give stage='fragment'"):
        choose(none, HAS, Wishes(stage="compute"), "a made-up GPU")


def gathered(**arguments) -> Wishes:
    names = ("index", "max_texture_size", "draw_buffers", "texture_units", "float_targets", "dialect")
    return Wishes.gather(*[arguments.get(name) for name in names])


def test_arguments_win_over_the_environment(monkeypatch):
    monkeypatch.setenv("GLNN_MAX_TEXTURE_SIZE", "128")
    monkeypatch.setenv("GLNN_FLOAT_TARGETS", "float16, rgba8")
    monkeypatch.setenv("GLNN_DIALECT", "")
    monkeypatch.setenv("GLNN_DEVICE_INDEX", "1")
    assert gathered() == Wishes(index=1, max_texture_size=128, float_targets=("float16", "rgba8"))
    assert gathered(max_texture_size=64, index=0, float_targets="float32").max_texture_size == 64
    assert gathered(index=0).index == 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_texture_size", 0),
        ("max_texture_size", 2.5),
        ("draw_buffers", True),
        ("draw_buffers", "four"),
        ("texture_units", 1),
        ("index", -1),
        ("float_targets", ["float64"]),
        ("float_targets", []),
        ("dialect", "es200"),
    ],
)
def test_values_that_make_no_sense_are_named(name, value):
    with pytest.raises(InputError, match=name):
        gathered(**{name: value})


def test_a_bad_environment_variable_is_named(monkeypatch):
    monkeypatch.setenv("GLNN_DRAW_BUFFERS", "many")
    with pytest.raises(InputError, match="GLNN_DRAW_BUFFERS='many'"):
        gathered()


def test_es100_has_one_draw_buffer():
    assert buffer_counts("es100") == ()


# ---- messages of compilers

FRAGMENT = "#version 300 es\nvec4 y;\n   y = vec5(x);\n"


@pytest.mark.parametrize(
    ("line", "shown", "caret"),
    [
        ("0:3(8): error: no function with name 'vec5'", "error: no function with name 'vec5'", 4),
        ('0(3) : error C1008: undefined variable "x"', 'error C1008: undefined variable "x"', 9),
        ("ERROR: 0:3: 'vec5' : no matching overloaded function", "ERROR: 'vec5' : no matching overloaded function", 4),
    ],
    ids=["Mesa", "NVIDIA", "ANGLE"],
)
def test_a_message_points_at_the_line_of_the_own_file(line, shown, caret, tmp_path):
    own = tmp_path / "conv.glsl"
    own.write_text("// one\ny = vec5(x);\n")
    message = f"GLSL Compiler failed\n\nfragment_shader\n===============\n{line}\n"
    told = explain(message, "void main() {}", FRAGMENT, lambda n: (str(own), n - 1)).splitlines()
    assert told == ["GLSL Compiler failed", f"{own}:2: {shown}", "    y = vec5(x);", " " * (4 + caret) + "^"]
    own.write_text("// one\ny = f(z);  // unrolled elsewhere\n")
    told = explain(message, "void main() {}", FRAGMENT, lambda n: (str(own), n - 1)).splitlines()
    assert told[2:4] == ["    y = f(z);  // unrolled elsewhere", "  assembled (line 3):"]
    own.write_text("// one\ny = 1.0 * vec5(x);\n")
    told = explain(message, "void main() {}", FRAGMENT, lambda n: (str(own), n - 1)).splitlines()
    assert told[2:5] == ["    y = 1.0 * vec5(x);", " " * (caret + 10) + "^", "  assembled (line 3):"]
    kernel = "shaders/kernels/depthwise.glsl"  # one of glnn's own is found in the package
    told = explain(message, "void main() {}", FRAGMENT, lambda n: (kernel, 1)).splitlines()
    assert told[1:3] == [
        f"{kernel}:1: {shown}",
        "    // Depthwise convolution of BH x BW pixels at once: each channel with its own KH x KW weights.",
    ]
    told = explain(message, "void main() {}", FRAGMENT).splitlines()
    assert told[1] == f"fragment shader, line 3 of the assembled text: {shown}"


def test_a_message_without_lines_is_kept():
    text = "GLSL Linker failed\n\nProgram\n=======\nerror: unresolved reference to function `f'\n"
    assert explain(text, "", "").splitlines() == ["GLSL Linker failed", "error: unresolved reference to function `f'"]
    assert explain("", "", "") == "the driver gave no message"
    vertex = "GLSL Compiler failed\n\nvertex_shader\n=============\n0:1(1): error: syntax error\n"
    assert "vertex shader, line 1" in explain(vertex, "oops", "fine")
    assert "line 99" in explain(text.replace("error: unresolved", "0:99(1): error: unresolved"), "a", "b")
