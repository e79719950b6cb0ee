"""The assembler: pragmas, what is refused, and that one layer has one text for all image sizes."""

from __future__ import annotations

import re

import numpy as np
import pytest

from glnn.errors import KernelError
from glnn.kernels.assemble import (
    Bound,
    Call,
    KernelSource,
    ShaderText,
    assemble,
    kernel_names,
    literal,
    load_kernel,
    parse,
)
from glnn.kernels.finish import Finish
from glnn.layers.base import Layer
from glnn.layers.conv import Conv2D, DepthwiseConv2D
from glnn.layers.core import Dense
from glnn.layers.pooling import AveragePooling2D, MaxPooling2D
from glnn.layers.resizing import ZeroPadding2D
from glnn.layout.cells import choose_cells
from glnn.layout.limits import DIALECTS, MAX_LOOP_TURNS, Limits
from glnn.layout.tiles import choose_layout
from glnn.plan import Plan, make_plan
from glnn.testing import coded_weights, layer_graph

# ---- the kernel language

KERNEL = "vec4 kernel(int n, int h, int w, int c) { return x(n, h, w, c); }\n"
LAYOUT = choose_layout((1, 6, 8, 5), Limits(), blocked=False)


def own(body: str, pragmas: str = "#pragma glnn input x\n") -> KernelSource:
    """A kernel of an author, in my.glsl."""
    return parse("my", pragmas + body, "my.glsl")


def assembled(source: KernelSource, **more: object) -> str:
    bound = tuple((name, Bound(LAYOUT)) for name in source.declared["input"])
    return assemble(Call("my", LAYOUT, bound, **more), source).fragment  # type: ignore[arg-type]


def test_a_kernel_of_ones_own_is_assembled() -> None:
    text = assembled(own(KERNEL))
    assert text.startswith("#version 300 es\n") and "return x(n, h, w, c);" in text


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("#pragma glnn input x\n#pragma glnn outputs y\n" + KERNEL, "my.glsl:2:14: unknown pragma 'outputs'; known"),
        ("void main() {}", "my.glsl: defines neither"),
        (
            "void kernel(int n, int h, int w, int c) {}",
            r"my.glsl:1:1: a blocked kernel ends .* with 'out vec4 y\[BLOCK\]'",
        ),
    ],
)
def test_wrong_pragmas_and_signatures(source: str, message: str) -> None:
    with pytest.raises(KernelError, match=message):
        parse("my", source, "my.glsl")


def test_what_is_bound_must_be_declared_and_the_other_way_round() -> None:
    source = own(KERNEL, "#pragma glnn input x p\n#pragma glnn const KH\n#pragma glnn matrix weights\n")
    call = Call("my", LAYOUT, (("x", Bound(LAYOUT)), ("z", Bound(LAYOUT))))
    with pytest.raises(KernelError, match=r"my.glsl: input not declared: \['z'\]; not given: \['p'\]"):
        assemble(call, source)
    both = (("x", Bound(LAYOUT)), ("p", Bound(LAYOUT)))
    with pytest.raises(KernelError, match=r"my.glsl: const not declared: \[\]; not given: \['KH'\]"):
        assemble(Call("my", LAYOUT, both), source)
    with pytest.raises(KernelError, match=r"cells not declared: \[\]; not given: \['weights'\]"):
        assemble(Call("my", LAYOUT, both, const=(("KH", 3),)), source)
    with pytest.raises(KernelError, match=r"param not declared: \['P'\]"):
        assemble(Call("my", LAYOUT, both, const=(("KH", 3),), param=(("P", 3),)), source)


def test_an_unknown_kernel() -> None:
    with pytest.raises(KernelError, match="no kernel file shaders/kernels/nothing.glsl"):
        load_kernel("nothing")


def loop(turns: str) -> str:
    body = f"{{ vec4 s = vec4(0.0); for (int k = 0; k < {turns}; k++) s += x(n, h, w, c); return s; }}\n"
    return "vec4 kernel(int n, int h, int w, int c) " + body


@pytest.mark.parametrize("dialect", DIALECTS)
def test_more_loop_turns_than_drivers_take_are_refused(dialect: str) -> None:
    pragmas = "#pragma glnn input x\n#pragma glnn param K\n"
    assert assembled(own(loop("K"), pragmas), param=(("K", MAX_LOOP_TURNS),), dialect=dialect)
    with pytest.raises(KernelError, match=rf"my.glsl: .* {MAX_LOOP_TURNS + 1} loop turns.*in stages"):
        assembled(own(loop("K"), pragmas), param=(("K", MAX_LOOP_TURNS + 1),), dialect=dialect)
    with pytest.raises(KernelError, match="loop turns"):
        assembled(own(loop("x_W * 10000")), dialect=dialect)
    with pytest.raises(KernelError, match="must be constants, params or sizes"):
        assembled(own(loop("n")), dialect=dialect)


def test_a_text_that_grows_too_long_is_refused() -> None:
    body = loop("9000").replace("int k", "int i").replace("k <", "i <").replace("k++)", "i++)\n")
    with pytest.raises(KernelError, match=r"my.glsl:4:2: more than 6000 statements after unrolling"):
        assembled(own(body, "#pragma glnn input x\n#pragma glnn unroll i\n"))


def test_taps_must_be_constant() -> None:
    body = "x_seek(n, h, w, c / 4);\n y[0] = x_tap(0, w);"
    with pytest.raises(KernelError, match=r"my.glsl:4:18: .* must be constant after unrolling, an integer\n.*\n +\^"):
        assembled(own(f"void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {{\n {body}\n}}"))


def test_taps_in_loops_take_their_places_along() -> None:
    body = (
        "x_seek(n, h, w, c / 4); for (int i = 0; i < 2; i++) y[0] += x_inside(i, 1) ? x_tap(i - 1, 2 * i) : vec4(0.0);"
    )
    source = own(f"void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {{ {body} }}")
    text = assembled(source, precision="mediump")
    assert "x_moved(i - 1, 2 * i)" in text  # the window knows its tile, a tap adds its pixel
    flat = choose_layout((1, 6, 8, 5), Limits(max_texture_size=7), blocked=False)
    assert flat.flat
    bare = assemble(Call("my", flat, (("x", Bound(flat)),), precision="mediump"), source).fragment
    assert "x_or(x_n, x_h + (i - 1), x_w + 2 * i, x_c, 0.0)" in bare
    assert "x_h + i >= 0 && x_h + i < x_H && x_w + 1 >= 0 && x_w + 1 < x_W ?" in text


def test_a_plain_kernel_cannot_write_blocks() -> None:
    blocks = choose_layout((1, 6, 8, 5), Limits())
    assert blocks.layers > 1
    with pytest.raises(KernelError, match=r"my.glsl: makes one texel at a time.*blocks of"):
        assemble(Call("my", blocks, (("x", Bound(LAYOUT)),)), own(KERNEL))


def test_numbers_in_the_text() -> None:
    assert [literal(v) for v in (3, -2, 0.5, 1e-7, 2.0)] == ["3", "-2", "0.5", "1e-07", "2.0"]
    for bad in (float("inf"), float("nan")):
        with pytest.raises(KernelError, match="can't stand in a shader text"):
            literal(bad)


# ---- the kernels that there are


@pytest.mark.parametrize("name", kernel_names())
def test_kernels_keep_to_the_contract(name: str) -> None:
    source = load_kernel(name)
    body = re.sub("//.*", "", source.text)
    forbidden = {
        "%": "%", "a texture call": r"\b(texture\w*|texelFetch\w*|FETCH2?)\s*\(", "bit operations": r"<<|>>|~|\^",
        "& or |": r"(?<!&)&(?!&)|(?<!\|)\|(?!\|)", "uint": r"\bu(int|vec\d)\b", "while": r"\bwhile\b",
        "max for a rectifier": r"\bmax\s*\(\s*v\s*,\s*(vec4\()?0",
    }  # fmt: skip
    for what, pattern in forbidden.items():
        assert not re.search(pattern, body), f"{source.file} has {what}"
    assert len(body.strip().split("\n")) <= 60, f"{source.file} is long for a kernel"
    assert source.declared["input"] or name == "map"  # which computes nothing by itself: what it reads is the finish's


# ---- texts are stable


def plan(layer: Layer, *shapes: tuple[int, ...], **limits: object) -> Plan:
    rng = np.random.default_rng(0)
    weights = {s.name: rng.normal(size=s.shape).astype(np.float32) for s in layer.weight_specs(*shapes)}
    graph = layer_graph(layer, shapes, weights)
    return make_plan(graph, {f"x{i}": s for i, s in enumerate(shapes)}, Limits(**limits))  # type: ignore[arg-type]


LAYERS = [
    Conv2D(12, (3, 3), padding="same", activation="relu"),
    Conv2D(12, (3, 3), (2, 2), padding="same"),
    DepthwiseConv2D((3, 3), padding="same"),
    MaxPooling2D(2),
    AveragePooling2D(3, 2, "same"),
    ZeroPadding2D(2),
]


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_same_call_gives_the_same_text(layer: Layer, dialect: str) -> None:
    first, second = (plan(layer, (2, 24, 32, 8), dialect=dialect) for _ in range(2))
    assert list(first.programs) == list(second.programs) and first.to_json() == second.to_json()


@pytest.mark.parametrize("buffers", [1, 4, 8])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_two_image_sizes_share_one_program(layer: Layer, buffers: int) -> None:
    """Sizes are uniforms in es300: a model whose layers differ in size alone compiles a kernel once."""
    small = plan(layer, (1, 32, 64, 8), draw_buffers=buffers)
    large = plan(layer, (3, 64, 128, 8), draw_buffers=buffers)
    assert set(small.programs) == set(large.programs)
    assert [d.ints for d in small.draws] != [d.ints for d in large.draws]


@pytest.mark.parametrize("kind", [AveragePooling2D, MaxPooling2D])
def test_windows_too_large_to_be_written_out_share_one_program(kind: type[Layer]) -> None:
    """A looped draw hands its consts and strides over; es100 wants those that bound loops in the text."""
    plans = [plan(kind(size, strides), (1, 32, 64, 8)) for size, strides in ((9, 2), ((6, 11), (3, 1)))]
    (key,) = set(plans[0].programs) | set(plans[1].programs)
    text = plans[0].programs[key].fragment
    assert "for (int b = 0; b < KW; b++)" in text and "void read_params() {" in text
    assert not re.search(r"#define \w+ P\[", text), "no loop reads a uniform"
    assert plans[0].draws[0].ints != plans[1].draws[0].ints
    assert len({key for size in (9, 10) for key in plan(kind(size), (1, 32, 64, 8), dialect="es100").programs}) == 2


def test_a_looped_draw_takes_consts_as_params() -> None:
    body = "for (int i = 0; i < KH; i++) y[0] += x_tap(i, 0, c / 4);"
    pragmas = "#pragma glnn input x\n#pragma glnn const KH\n#pragma glnn unroll i\n"
    source = own(f"void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {{ {body} }}", pragmas)
    assert "i < KH" in assembled(source, param=(("KH", 3),), looped=True)
    assert "i < KH" in assembled(source, const=(("KH", 3),), looped=True)
    assert "x_v2" in assembled(source, const=(("KH", 3),))
    with pytest.raises(KernelError, match=r"const not declared: \[\]; not given: \['KH'\]"):
        assembled(source, param=(("KH", 3),))
    with pytest.raises(KernelError, match=r"const not declared: \[\]; not given: \['KH'\]"):
        assembled(source, looped=True)
    with pytest.raises(KernelError, match=r"param not declared: \['KW'\]"):
        assembled(source, param=(("KH", 3), ("KW", 3)), looped=True)
    blocks = choose_layout((1, 6, 8, 5), Limits())
    with pytest.raises(KernelError, match=r"makes one texel at a time.*blocks of"):
        assemble(Call("my", blocks, (("x", Bound(LAYOUT)),), const=(("KH", 3),), looped=True), source)


def test_two_widths_of_a_dense_layer_share_one_program() -> None:
    texts = [set(plan(Dense(units), (batch, inputs)).programs) for units, inputs, batch in ((16, 32, 1), (64, 128, 1))]
    assert texts[0] == texts[1]


def test_another_dialect_codec_or_activation_is_another_text() -> None:
    conv = Conv2D(12, (3, 3), padding="same")
    plans = [
        plan(conv, (1, 32, 32, 8)),
        plan(conv, (1, 32, 32, 8), dialect="gl330"),
        plan(conv, (1, 32, 32, 8), dialect="es100"),
        plan(conv, (1, 32, 32, 8), float_target="float16"),
        plan(Conv2D(12, (3, 3), padding="same", activation="relu"), (1, 32, 32, 8)),
    ]
    keys = [key for p in plans for key in p.programs]
    assert len(set(keys)) == len(keys)


def test_a_long_finish_of_many_values_is_a_loop_over_them() -> None:
    """Written out for eight pixels, a gelu takes longer to compile than all else of a dense layer."""

    def finished(activation: str, **limits: int) -> str:
        [text] = plan(Dense(16, activation), (1, 8, 32), **limits).programs.values()
        return text.fragment.partition("void main()")[2]

    for_each = "for (int turn = 0; turn < 8 * min(y_N, 1); turn++) {"
    assert for_each in finished("gelu") and finished("gelu").count("finish(") == 1
    assert "for (" not in finished("relu") and finished("relu").count("finish(") == 8
    assert "for (" not in finished("gelu", draw_buffers=2)


def samplers(text: ShaderText, name: str) -> list[str]:
    return [s for s in text.samplers if re.fullmatch(rf"{name}_t\d+", s)]


def test_parts_of_cells_and_tensors_are_layers_or_named_samplers() -> None:
    layer, shape = Conv2D(40, (3, 3), padding="same"), (1, 20, 20, 9)
    for dialect, limits in (("es300", Limits(32)), ("gl330", Limits(32)), ("es100", Limits(32, dialect="es100"))):
        parts = choose_cells((9, 9, 40), limits).parts, choose_layout(shape, limits, False).parts
        assert min(parts) > 1
        texts = plan(layer, shape, max_texture_size=32, dialect=dialect).programs.values()
        (text,) = [t for t in texts if t.kernel == "conv"]
        found = samplers(text, "weights"), samplers(text, "x")
        if dialect == "es100":
            assert tuple(map(len, found)) == parts
            assert "weights_part == 0" in text.fragment and "sampler2DArray" not in text.fragment.split("main")[-1]
        else:
            assert found == (["weights_t0"], ["x_t0"])
            assert "uniform sampler2DArray weights_t0;" in text.fragment and "weights_layer" in text.fragment
            assert "weights_part" not in text.fragment


def coded_plan(codec: str, per_channel: bool, layer: Layer, *shapes: tuple[int, ...], seed: int = 0, **limits: object):
    rng = np.random.default_rng(seed)
    weights = {s.name: rng.normal(size=s.shape).astype(np.float32) for s in layer.weight_specs(*shapes)}
    graph = layer_graph(layer, shapes, coded_weights(layer, shapes, weights, codec, per_channel))
    return make_plan(graph, {f"x{i}": s for i, s in enumerate(shapes)}, Limits(**limits))  # type: ignore[arg-type]


@pytest.mark.parametrize("codec", ["uint16", "uint8", "uint4"])
@pytest.mark.parametrize("dialect", DIALECTS)
def test_scales_are_uniforms_or_cells(codec: str, dialect: str) -> None:
    conv, shape = Conv2D(12, (3, 3), padding="same"), (1, 16, 32, 8)
    plans = [coded_plan(codec, False, conv, shape, seed=seed, dialect=dialect) for seed in (0, 1)]
    assert list(plans[0].programs) == list(plans[1].programs), "another scale needs no other program"
    assert plans[0].draws[0].floats != plans[1].draws[0].floats
    for per_channel in (False, True):
        (text,) = coded_plan(codec, per_channel, conv, shape, dialect=dialect).programs.values()
        assert bool(samplers(text, "weights_q")) == per_channel
        kind = "sampler2D" if dialect == "es100" else "usampler2D"
        assert f"uniform {kind} weights_t0;" in text.fragment
        assert " * weights_s + weights_l" in text.fragment


def test_a_cell_of_sixteen_bytes_is_one_fetch() -> None:
    conv, shape = Conv2D(12, (3, 3), padding="same"), (1, 16, 32, 8)
    for codec, dialect, fetches in (
        ("uint8", "es300", 1), ("uint4", "es300", 1), ("uint16", "es300", 2), ("float16", "es300", 4),
        ("uint8", "es100", 4), ("uint4", "es100", 2), ("uint16", "es100", 8), ("float16", "es100", 4),
    ):  # fmt: skip
        (text,) = coded_plan(codec, True, conv, shape, dialect=dialect).programs.values()
        assert text.fragment.count("FETCH2(weights_t0") == fetches, (codec, dialect)


def test_lines_of_a_text_know_where_they_come_from() -> None:
    texts = plan(Conv2D(40, (3, 3), padding="same"), (1, 20, 20, 9), max_texture_size=32).programs.values()
    (text,) = [t for t in texts if t.kernel == "conv"]
    assert text.origins and {file for file, _ in text.origins} == {"generated", "shaders/kernels/conv.glsl"}
    lines = text.fragment.rstrip("\n").split("\n")
    assert len(text.origins) == len(lines)
    number = next(i for i, line in enumerate(lines, 1) if "bias_seek(c / 4);" in line and "void" not in line)
    file, line = text.locate(number) or ("", 0)
    written = load_kernel("conv").text.split("\n")[line - 1]
    assert file == "shaders/kernels/conv.glsl" and "vec4 start = bias(0, c / 4);" in written
    assert text.locate(0) is None and text.locate(10**6) is None


def test_a_text_that_is_asked_for_again_is_kept() -> None:
    """Equal numbers that are not the same make texts of their own."""
    source, bound = own(KERNEL), (("x", Bound(LAYOUT)),)
    first = assemble(Call("my", LAYOUT, bound), source)
    assert assemble(Call("my", LAYOUT, bound), source) is first
    assert assemble(Call("my", LAYOUT, bound), own(KERNEL)) is not first
    ends = [Finish("return v + finish_n0;", numbers=(zero,)) for zero in (0.0, -0.0)]
    zeros = [assemble(Call("my", LAYOUT, bound, finish=end), source) for end in ends]
    assert [str(text.floats[text.float_names.index("finish_n0")]) for text in zeros] == ["0.0", "-0.0"]
