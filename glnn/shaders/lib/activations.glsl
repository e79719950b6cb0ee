// Activation functions. A section reaches from its mark `act: name` to the next; the assembler includes the one that a
// kernel asks for and those that it needs. Constants are macros ACT_<NAME>, defined before the section.
// NaN stays NaN, infinities give the limit, and no exp gets an argument that drivers differ on. Neither max nor
// `v < low ? low : v`, which Mesa turns into max, keeps NaN: so at_least and at_most spell out the third outcome, as a
// sum that is not simplified away.
// act: lanes
#define LANES(f) vec4(f(v.x), f(v.y), f(v.z), f(v.w))
// act: clip
// needs: lanes
float at_least(float v, float low) { return v > low ? v : v <= low ? low : v + v; }
float at_most(float v, float high) { return v < high ? v : v >= high ? high : v + v; }
// act: exponential
// needs: lanes
// Up to 88.72, where the largest float is reached: exp(88) is a factor of its own.
float exp1(float v) {
    return v < -87.3 ? 0.0 : v <= 88.0 ? exp(v) : v < 89.0 ? exp(v - 88.0) * 1.6516362549940018e38 : v * LARGE;
}
vec4 act_exponential(vec4 v) { return LANES(exp1); }
// act: expm1
// needs: exponential
// exp(v) - 1 without cancellation near 0, there by seven terms of its series.
float expm1(float v) {
    if (abs(v) < 0.4) return v * (1.0 + v / 2.0 * (1.0 + v / 3.0 * (1.0 + v / 4.0 * (1.0 + v / 5.0 * (1.0 + v / 6.0 * (1.0 + v / 7.0))))));
    return exp1(v) - 1.0;
}
// act: log1p
// log(1 + v) for v from 0 to 1, as twice the inverse hyperbolic tangent of v / (2 + v): up to 1/3, so the series is short.
float log1p(float v) {
    float s = v / (2.0 + v);
    float t = s * s;
    return 2.0 * s * (1.0 + t * (1.0 / 3.0 + t * (1.0 / 5.0 + t * (1.0 / 7.0 + t * (1.0 / 9.0 + t * (1.0 / 11.0 + t / 13.0))))));
}
// act: relu
// needs: clip
float relu1(float v) { return at_least(v, 0.0); }
vec4 act_relu(vec4 v) { return LANES(relu1); }
// act: relu6
// needs: clip
float relu6(float v) { return at_most(at_least(v, 0.0), 6.0); }
vec4 act_relu6(vec4 v) { return LANES(relu6); }
// act: leaky_relu
// needs: lanes
float leaky1(float v) { return v < 0.0 ? v * ACT_NEGATIVE_SLOPE : v; }
vec4 act_leaky_relu(vec4 v) { return LANES(leaky1); }
// act: relu_threshold
// needs: lanes
float bent1(float v) {
    float below = ACT_NEGATIVE_SLOPE == 0.0 ? 0.0 : (v - ACT_THRESHOLD) * ACT_NEGATIVE_SLOPE;
    return v > ACT_THRESHOLD ? v : v <= ACT_THRESHOLD ? below : v + v;
}
vec4 act_relu_threshold(vec4 v) { return LANES(bent1); }
// act: relu_capped
// needs: clip, relu_threshold
float capped1(float v) { return at_most(bent1(v), ACT_MAX_VALUE); }
vec4 act_relu_capped(vec4 v) { return LANES(capped1); }
// act: threshold
// needs: lanes
float threshold1(float v) { return v > ACT_THRESHOLD ? v : v <= ACT_THRESHOLD ? ACT_DEFAULT_VALUE : v + v; }
vec4 act_threshold(vec4 v) { return LANES(threshold1); }
// act: elu
// needs: expm1
float elu1(float v) { return v > 0.0 ? v : ACT_ALPHA * expm1(v); }
vec4 act_elu(vec4 v) { return LANES(elu1); }
// act: celu
// needs: expm1
float celu1(float v) { return v > 0.0 ? v : ACT_ALPHA * expm1(v / ACT_ALPHA); }
vec4 act_celu(vec4 v) { return LANES(celu1); }
// act: selu
// needs: expm1
float selu1(float v) { return 1.0507009873554805 * (v > 0.0 ? v : 1.6732632423543772 * expm1(v)); }
vec4 act_selu(vec4 v) { return LANES(selu1); }
// act: sigmoid
// needs: exponential
float sigmoid1(float v) { float e = exp1(-abs(v)); return (v < 0.0 ? e : 1.0) / (1.0 + e); }
vec4 act_sigmoid(vec4 v) { return LANES(sigmoid1); }
// act: hard_sigmoid
// needs: lanes
float hard_sigmoid1(float v) { return v < -3.0 ? 0.0 : v > 3.0 ? 1.0 : (v + 3.0) / 6.0; }
vec4 act_hard_sigmoid(vec4 v) { return LANES(hard_sigmoid1); }
// act: hard_sigmoid_keras2
// needs: lanes
float old_hard_sigmoid1(float v) { return v < -2.5 ? 0.0 : v > 2.5 ? 1.0 : 0.2 * v + 0.5; }
vec4 act_hard_sigmoid_keras2(vec4 v) { return LANES(old_hard_sigmoid1); }
// act: silu
// needs: sigmoid
float silu1(float v) { return v < -100.0 ? 0.0 : v * sigmoid1(v); }
vec4 act_silu(vec4 v) { return LANES(silu1); }
// act: hard_silu
// needs: lanes
float hard_silu1(float v) { return v < -3.0 ? 0.0 : v > 3.0 ? v : v * ((v + 3.0) / 6.0); }
vec4 act_hard_silu(vec4 v) { return LANES(hard_silu1); }
// act: tanh
// needs: expm1
float tanh1(float v) { float e = expm1(-2.0 * abs(v)); float t = -e / (2.0 + e); return v < 0.0 ? -t : t; }
vec4 act_tanh(vec4 v) { return LANES(tanh1); }
// act: hard_tanh
// needs: clip
float hard_tanh1(float v) { return at_most(at_least(v, -1.0), 1.0); }
vec4 act_hard_tanh(vec4 v) { return LANES(hard_tanh1); }
// act: tanh_shrink
// needs: tanh
// Near 0 by the series of the difference, which cancels there.
float tanh_shrink1(float v) {
    if (abs(v) > 0.5) return v - tanh1(v);
    float t = v * v;
    return v * t * (1.0 / 3.0 - t * (2.0 / 15.0 - t * (17.0 / 315.0 - t * (62.0 / 2835.0 - t * (0.0088632355 - t * (0.0035921280 - t * 0.0014558344))))));
}
vec4 act_tanh_shrink(vec4 v) { return LANES(tanh_shrink1); }
// act: softplus
// needs: exponential, log1p
float softplus1(float v) { return (v < 0.0 ? 0.0 : v) + log1p(exp1(-abs(v))); }
vec4 act_softplus(vec4 v) { return LANES(softplus1); }
// act: log_sigmoid
// needs: softplus
float log_sigmoid1(float v) { return -softplus1(-v); }
vec4 act_log_sigmoid(vec4 v) { return LANES(log_sigmoid1); }
// act: softsign
// needs: lanes
float softsign1(float v) { return v > 1e9 ? 1.0 : v < -1e9 ? -1.0 : v / (1.0 + abs(v)); }
vec4 act_softsign(vec4 v) { return LANES(softsign1); }
// act: mish
// needs: exponential
// tanh(log(1 + e)) is e (e + 2) / (e (e + 2) + 2).
float mish1(float v) {
    if (v < -100.0) return 0.0;
    if (v > 20.0) return v;
    float e = exp1(v);
    return v * (e * (e + 2.0) / (e * (e + 2.0) + 2.0));
}
vec4 act_mish(vec4 v) { return LANES(mish1); }
// act: squareplus
// needs: lanes
// sqrt(v * v + b) as the larger of |v| and sqrt(b) times a root between 1 and 2: no square overflows, and no sum that
// a compiler makes of two halves.
float squareplus1(float v) {
    float a = abs(v), r = sqrt(ACT_B);
    float large = a > r ? a : r, part = large > 0.0 ? (a > r ? r : a) / large : a;
    float s = a < LARGE ? a + 0.5 * (large * sqrt(1.0 + part * part) - a) : a; // NaN and infinity as they are
    return v < 0.0 ? 0.25 * ACT_B / s : s;
}
vec4 act_squareplus(vec4 v) { return LANES(squareplus1); }
// act: hard_shrink
// needs: lanes
float hard_shrink1(float v) { return abs(v) <= ACT_THRESHOLD ? 0.0 : v; }
vec4 act_hard_shrink(vec4 v) { return LANES(hard_shrink1); }
// act: soft_shrink
// needs: lanes
float soft_shrink1(float v) { return abs(v) <= ACT_THRESHOLD ? 0.0 : v < 0.0 ? v + ACT_THRESHOLD : v - ACT_THRESHOLD; }
vec4 act_soft_shrink(vec4 v) { return LANES(soft_shrink1); }
// act: gelu
// needs: exponential
// v times the normal distribution's cumulative function. The tail beyond |v| is exp(-v * v / 2) times a polynomial in
// t = 1 / (1 + 0.3 z), z = |v| / sqrt(2), fitted to exp(z * z) erfc(z) / 2 with a relative error of 2e-8 up to z = 9.4.
float gelu1(float v) {
    if (v < -14.0) return 0.0;
    if (v > 14.0) return v;
    float t = 1.0 / (1.0 + 0.21213203435596426 * abs(v));
    float tail = t * (0.08459505605 + t * (0.08534238449 + t * (0.07426316805 + t * (0.1071433461 + t * (-0.04666043268
        + t * (0.2729963992 + t * (-0.2554540028 + t * (0.2424777244 - t * 0.06470365251))))))));
    tail *= exp1(-0.5 * v * v);
    return v * (v < 0.0 ? tail : 1.0 - tail);
}
vec4 act_gelu(vec4 v) { return LANES(gelu1); }
// act: gelu_tanh
// needs: sigmoid
// (1 + tanh(u)) / 2 is the sigmoid of 2 u.
float gelu_tanh1(float v) {
    return v < -20.0 ? 0.0 : v > 20.0 ? v : v * sigmoid1(1.5957691216057308 * (v + 0.044715 * v * v * v));
}
vec4 act_gelu_tanh(vec4 v) { return LANES(gelu_tanh1); }
