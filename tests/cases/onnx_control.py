"""Small ONNX models with control flow, sequences, and sizes that are free, as onnx.parser reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
from support.seeds import seeded

RNG = seeded(12)
MODELS: dict[str, tuple[str, dict[str, np.ndarray]]] = {}


def f(*shape: int) -> np.ndarray:
    return RNG.uniform(-2, 2, shape).astype(np.float32)


def model(name: str, head: str, text: str, opset: int = 17, **given: Any) -> None:
    """A model by its inputs and outputs, and its nodes; arrays that go in."""
    whole = f'<ir_version: 8, opset_import: ["" : {opset}]>\nagraph {head} {{\n{text}\n}}'
    MODELS[name] = whole, {name: np.asarray(array) for name, array in given.items()}


NUMBERS = """
zero = Constant<value = int64 {0}>()
one = Constant<value = int64 {1}>()
ones = Constant<value = int64[1] {1}>()
zeros = Constant<value = int64[1] {0}>()
yes = Constant<value = bool {1}>()
"""
SUMS = """
y, s = Loop(m, yes, x) <body = b (int64 i, bool ci, float[2] a) => (bool co, float[2] ao, float[2] so) {
    co = Identity(ci)
    f = Cast<to = 1>(i)
    h = Constant<value = float {0.9}>()
    p = Mul(a, h)
    ao = Add(p, f)
    so = Neg(ao)
}>
"""
HEAD = "(float[2] x, int64 m) => (float[2] y, float[n, 2] s)"
for turns in (0, 1, 5, 70):  # 70: a repeat
    model(f"loop-of-{turns}", HEAD, NUMBERS + SUMS, x=f(2), m=np.int64(turns))
LONG = "(float[2] x) => (float[2] y, float[200, 2] s)"
model("loop-of-known-length", LONG, f"m = Constant<value = int64 {{200}}>()\n{NUMBERS}{SUMS}", x=f(2))
UNTIL = """
y, s = Loop({most}, yes, x) <body = b (int64 i, bool ci, float[2] a) => (bool co, float[2] ao, float[2] so) {{
    ao = Add(a, x)
    t = ReduceSum<keepdims = 0>(ao)
    l = Constant<value = float {{{limit}}}>()
    co = Less(t, l)
    so = Mul(ao, ao)
}}>
"""
for most, limit in (('""', 9), ('""', 60), ("three", 30), ("three", 1)):
    three = "three = Constant<value = int64 {3}>()\n"
    text = NUMBERS + three + UNTIL.format(most=most, limit=limit)
    model(f"loop-until-{limit}-{len(most)}", "(float[2] x) => (float[2] y, float[n, 2] s)", text, x=np.float32([1, 2]))
model(
    "loop-that-grows", "(float[1, 2] x) => (float[n, 2] y)", NUMBERS + """
m = Constant<value = int64 {5}>()
y = Loop(m, yes, x) <body = b (int64 i, bool ci, float[k, 2] a) => (bool co, float[l, 2] ao) {
    co = Identity(ci)
    d = Add(a, a)
    ao = Concat<axis = 0>(a, d)
}>""", x=f(1, 2),
)  # fmt: skip
model(
    "loop-by-numbers", "(float[90, 3] x) => (float[3] y, float[90, 3] s)", NUMBERS + """
m = Constant<value = int64 {90}>()
z = Constant<value = float[3] {0, 0, 0}>()
y, s = Loop(m, yes, z) <body = b (int64 i, bool ci, float[3] a) => (bool co, float[3] ao, float[3] so) {
    co = Identity(ci)
    r = Gather<axis = 0>(x, i)
    ao = Max(a, r)
    so = Add(ao, r)
}>""", x=f(90, 3),
)  # fmt: skip
model(
    "loop-of-slices", "(float[6, 3] x) => (float[n, 3] s)", NUMBERS + """
m = Constant<value = int64 {6}>()
s = Loop(m, yes) <body = b (int64 i, bool ci) => (bool co, float[3] so) {
    co = Identity(ci)
    first = Unsqueeze(i, zeros)
    last = Add(first, ones)
    r = Slice(x, first, last, zeros)
    so = Squeeze(r, zeros)
}>""", x=f(6, 3),
)  # fmt: skip
for flag in (False, True):
    model(
        f"if-in-a-loop-{flag}", "(float[3] x, bool flag) => (float[3] y)", NUMBERS + """
m = Constant<value = int64 {4}>()
two = Constant<value = int64 {2}>()
y = Loop(m, yes, x) <body = b (int64 i, bool ci, float[3] a) => (bool co, float[3] ao) {
    co = Identity(ci)
    q = Mod(i, two)
    odd = Cast<to = 9>(q)
    w = If(flag) <then_branch = t1 () => (float[3] w1) { w1 = Add(a, x) },
        else_branch = e1 () => (float[3] w2) { w2 = Mul(a, x) }>
    ao = If(odd) <then_branch = t2 () => (float[3] v1) { v1 = Neg(w) },
        else_branch = e2 () => (float[3] v2) { v2 = Identity(w) }>
}>""", x=f(3), flag=flag,
    )  # fmt: skip
    model(
        f"if-of-what-is-computed-{flag}", "(float[3] x) => (float[3] y)", NUMBERS + """
s = ReduceSum<keepdims = 0>(x)
z = Constant<value = float {0}>()
e = Exp(x)
p = Greater(s, z)
y = If(p) <then_branch = t1 () => (float[3] w1) { w1 = Add(e, x) },
        else_branch = e1 () => (float[3] w2) { w2 = Mul(e, s) }>
""", x=np.float32([1, 2, -1 if flag else -4]),
    )  # fmt: skip
model(
    "loops-in-a-loop", "(float[3] x) => (float[3] y, float[70, 4, 3] s)", NUMBERS + """
m = Constant<value = int64 {70}>()
n = Constant<value = int64 {4}>()
y, s = Loop(m, yes, x) <body = b (int64 i, bool ci, float[3] a) => (bool co, float[3] ao, float[4, 3] so) {
    co = Identity(ci)
    ao, so = Loop(n, yes, a) <body = c (int64 j, bool cj, float[3] aa) => (bool cjo, float[3] aao, float[3] sso) {
        cjo = Identity(cj)
        k = Add(i, j)
        f = Cast<to = 1>(k)
        h = Mul(aa, x)
        aao = Add(h, f)
        sso = Neg(aao)
    }>
}>""", x=np.float32([0.1, 0.2, 0.3]),
)  # fmt: skip
SCAN = """
y, s, r = Scan(h, x, u) <num_scan_inputs = 2, scan_input_axes = [0, -2], scan_input_directions = [0, 1],
    scan_output_axes = [1, 0], scan_output_directions = [0, 1],
    body = b (float[2, 3] a, float[2, 3] xi, float[2, 3] ui) => (float[2, 3] ao, float[3, 2] so, float[2, 3] ro) {
    d = Mul(a, xi)
    e = Add(d, ui)
    ao = Tanh(e)
    so = Transpose(ao)
    ro = Sub(ao, xi)
}>
"""
for steps in (1, 5, 90):
    head = f"(float[2, 3] h, float[{steps}, 2, 3] x, float[2, {steps}, 3] u) => "
    head += f"(float[2, 3] y, float[3, {steps}, 2] s, float[{steps}, 2, 3] r)"
    model(f"scan-of-{steps}", head, SCAN, h=f(2, 3), x=f(steps, 2, 3), u=f(2, steps, 3))
model(
    "scan-of-batches", "(int64[2] l, float[2, 3] h, float[2, 5, 3] x) => (float[2, 3] y, float[2, 5, 3] s)", """
y, s = Scan(l, h, x) <num_scan_inputs = 1, body = b (float[3] a, float[3] xi) => (float[3] ao, float[3] so) {
    ao = Add(a, xi)
    so = Identity(ao)
}>""", opset=8, l=np.array([5, 3]), h=f(2, 3), x=f(2, 5, 3),
)  # fmt: skip
model(
    "sequence-in-a-loop", "(float[4, 3] x) => (float[n, 3] y)", NUMBERS + """
m = Constant<value = int64 {4}>()
e = SequenceEmpty<dtype = 1>()
q = Loop(m, yes, e) <body = b (int64 i, bool ci, seq(float[k, 3]) a) => (bool co, seq(float[k, 3]) ao) {
    co = Identity(ci)
    r = Gather<axis = 0>(x, i)
    d = Unsqueeze(r, zeros)
    ao = SequenceInsert(a, d)
}>
y = ConcatFromSequence<axis = 0>(q)""", x=f(4, 3),
)  # fmt: skip
model(
    "sequences", "(float[7, 3] x) => (float[n, 3] y, int64 count, float[2, 3] z)", NUMBERS + """
sizes = Constant<value = int64[4] {2, 1, 2, 2}>()
q = SplitToSequence<axis = 0>(x, sizes)
w = SequenceErase(q, one)
v = SequenceInsert(w, x, zero)
last = Constant<value = int64 {-1}>()
z = SequenceAt(v, last)
count = SequenceLength(v)
y = ConcatFromSequence<axis = 0>(v)""", x=f(7, 3),
)  # fmt: skip
model(
    "what-is-chosen-by-values", "(float[4, 3] x) => (float[n, 3] y, float[4, 3] e)", NUMBERS + """
e = Exp(x)
s = ReduceSum<keepdims = 0>(e, ones)
l = Constant<value = float {3}>()
g = Greater(s, l)
nz = NonZero(g)
rows = Squeeze(nz, zeros)
t = Neg(e)
y = Gather<axis = 0>(t, rows)""", x=f(4, 3),
)  # fmt: skip

FREE: dict[str, tuple[str, bool]] = {}  # models of a batch that is free, and whether one graph does for all of them


def free(name: str, head: str, text: str, one: bool) -> None:
    FREE[name] = f'<ir_version: 8, opset_import: ["" : 17]>\nagraph {head} {{\n{NUMBERS}{text}\n}}', one


rest = "m = Constant<value = int64[1] {-1}>()\n"
free("flattened", "(float[N, 2, 3] x) => (float[N, 6] y)", f"""{rest}
s = Shape(x)
n = Gather<axis = 0>(s, zero)
k = Unsqueeze(n, zeros)
t = Concat<axis = 0>(k, m)
y = Reshape(x, t)""", True)  # fmt: skip
free("by-another's-batch", "(float[N, 4] x, float[N, 6] u) => (float[N, K] y)", f"""{rest}
e = Exp(x)
s = Shape(e)
k = Gather<axis = 0>(s, zeros)
t = Concat<axis = 0>(k, m)
v = Neg(u)
y = Reshape(v, t)""", True)  # fmt: skip
free("by-what-is-no-batch", "(float[N, 4] x, float[N, 6] u) => (float[M, K] y)", f"""{rest}
two = Constant<value = int64[2] {{-1, 2}}>()
a = Reshape(x, two)
s = Shape(a)
k = Gather<axis = 0>(s, zeros)
t = Concat<axis = 0>(k, m)
y = Reshape(u, t)""", False)  # fmt: skip
free("whether-a-size-is-1", "(float[N, 4] x) => (float[N, 4] y)", """
s = Shape(x)
n = Gather<axis = 0>(s, zero)
alone = Equal(n, one)
y = If(alone) <then_branch = t1 () => (float[N, 4] a) { a = Neg(x) },
        else_branch = e1 () => (float[N, 4] b) { b = Exp(x) }>
""", False)  # fmt: skip
free("spread-over-the-batch", "(float[N, 4] x) => (float[N, 3, 4] y)", """
s = Shape(x)
k = Gather<axis = 0>(s, zeros)
more = Constant<value = int64[2] {3, 4}>()
t = Concat<axis = 0>(k, more)
w = Constant<value = float[1, 1, 4] {1, 2, 3, 4}>()
v = Expand(w, t)
q = Unsqueeze(x, ones)
p = Mul(v, q)
n = Gather<axis = 0>(s, zero)
r = Range(zero, n, one)
f = Cast<to = 1>(r)
c = Constant<value = int64[3] {-1, 1, 1}>()
h = Reshape(f, c)
y = Add(p, h)""", False)  # fmt: skip
free("a-token-for-each", "(float[N, 2, 3] x) => (float[N, 3, 3] y)", f"""{rest}
s = Shape(x)
k = Gather<axis = 0>(s, zeros)
t = Concat<axis = 0>(k, m, m)
shape = Constant<value = int64[1] {{3}}>()
all = ConstantOfShape<value = int64[1] {{1}}>(shape)
same = Constant<value = int64[1] {{-1}}>()
left = Equal(t, same)
goal = Where(left, all, t)
w = Constant<value = float[1, 1, 3] {{1, 2, 3}}>()
v = Expand(w, goal)
y = Concat<axis = 1>(v, x)""", True)  # fmt: skip
free("resized", "(float[N, 2, 4, 3] x) => (float[N, 2, 8, 5] y)", """
s = Shape(x)
two = Constant<value = int64[1] {2}>()
k = Slice(s, zeros, two)
goal = Constant<value = int64[2] {8, 5}>()
t = Concat<axis = 0>(k, goal)
y = Resize<mode = "linear">(x, , , t)""", True)  # fmt: skip
free("product-of-sizes", "(float[N, 3, 4] x) => (float[N, 3, 4] y)", f"""{rest}
s = Shape(x)
two = Constant<value = int64[1] {{2}}>()
some = Slice(s, zeros, two)
p = ReduceProd<keepdims = 1>(some)
t = Concat<axis = 0>(p, m)
g = Reshape(x, t)
e = Exp(g)
y = Reshape(e, s)""", False)  # fmt: skip
