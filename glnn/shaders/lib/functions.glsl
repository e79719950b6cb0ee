// Activation functions; others: operations.glsl, angles.glsl. A section reaches from its mark `function: name` to
// the next and defines `f_name`, of as many floats as the function takes, and of its constants after them; a text
// includes what it calls and what that needs.
// NaN stays NaN, infinities give the limit, and no exp gets an argument that drivers differ on. Neither max nor
// `v < low ? low : v`, which Mesa turns into max, keeps NaN: so at_least and at_most ask for it first. NVIDIA's es100
// asks `v < low` as !(v >= low), true of NaN: a third outcome, of neither more nor less, would not be reached there.
// function: clip
float at_least(float v, float low) { return v != v ? v : max(v, low); }
float at_most(float v, float high) { return v != v ? v : min(v, high); }
float f_clip(float v, float low, float high) {
    float a = v > low ? v : v <= low ? low : (v + nothing(y_H)) + low;
    return a < high ? a : a >= high ? high : (a + nothing(y_H)) + high;
}
// function: exponential
// Up to 88.72, where the largest float is reached: exp(88) is a factor of its own.
float f_exponential(float v) {
    return v < -87.3 ? 0.0 : v <= 88.0 ? exp(v) : v < 89.0 ? exp(v - 88.0) * 1.6516362549940018e38 : v * LARGE;
}
// function: falling
// exp(v) of what is not above 0: a third less to compile than f_exponential.
float falling(float v) { return v < -87.3 ? 0.0 : v <= 0.0 ? exp(v) : v; }
// function: expm1_near
// exp(v) - 1 without cancellation near 0, by seven terms of its series.
float expm1_near(float v) {
    return v * (1.0 + v / 2.0 * (1.0 + v / 3.0 * (1.0 + v / 4.0 * (1.0 + v / 5.0 * (1.0 + v / 6.0 * (1.0 + v / 7.0))))));
}
// function: expm1_falling
// needs: falling, expm1_near
// exp(v) - 1 of what is not above 0.
float expm1_falling(float v) { return v > -0.4 ? expm1_near(v) : falling(v) - 1.0; }
// function: expm1
// needs: exponential, expm1_near
float expm1(float v) { return abs(v) < 0.4 ? expm1_near(v) : f_exponential(v) - 1.0; }
float f_expm1(float v) { return expm1(v); }
// function: log1p_unit
// log(1 + v) for v from 0 to 1, as twice the inverse hyperbolic tangent of v / (2 + v): up to 1/3, so the series is short.
float log1p(float v) {
    float s = v / (2.0 + v);
    float t = s * s;
    return 2.0 * s * (1.0 + t * (1.0 / 3.0 + t * (1.0 / 5.0 + t * (1.0 / 7.0 + t * (1.0 / 9.0 + t * (1.0 / 11.0 + t / 13.0))))));
}
// function: linear
float f_linear(float v) { return v; }
// function: relu
// needs: clip
float f_relu(float v) { return at_least(v, 0.0); }
// function: relu6
// needs: clip
float f_relu6(float v) { return at_most(at_least(v, 0.0), 6.0); }
// function: leaky_relu
float f_leaky_relu(float v, float negative_slope) { return v < 0.0 ? v * negative_slope : v; }
// function: relu_threshold
float f_relu_threshold(float v, float negative_slope, float threshold) {
    float below = negative_slope == 0.0 ? 0.0 : (v - threshold) * negative_slope;
    return v > threshold ? v : v <= threshold ? below : v + v;
}
// function: relu_capped
// needs: clip, relu_threshold
float f_relu_capped(float v, float negative_slope, float threshold, float max_value) { return at_most(f_relu_threshold(v, negative_slope, threshold), max_value); }
// function: threshold
float f_threshold(float v, float threshold, float default_value) { return v > threshold ? v : v <= threshold ? default_value : v + v; }
// function: elu
// needs: expm1_falling
float f_elu(float v, float alpha) { return v > 0.0 ? v : alpha * expm1_falling(v); }
// function: celu
// needs: expm1
float f_celu(float v, float alpha) { return v > 0.0 ? v : alpha * expm1(v / alpha); }
// function: selu
// needs: expm1_falling
float f_selu(float v) { return 1.0507009873554805 * (v > 0.0 ? v : 1.6732632423543772 * expm1_falling(v)); }
// function: sigmoid
// needs: falling
float f_sigmoid(float v) { float e = falling(-abs(v)); return (v < 0.0 ? e : 1.0) / (1.0 + e); }
// function: hard_sigmoid
float f_hard_sigmoid(float v) { return v < -3.0 ? 0.0 : v > 3.0 ? 1.0 : (v + 3.0) / 6.0; }
// function: hard_sigmoid_keras2
float f_hard_sigmoid_keras2(float v) { return v < -2.5 ? 0.0 : v > 2.5 ? 1.0 : 0.2 * v + 0.5; }
// function: silu
// needs: sigmoid
float f_silu(float v) { return v < -100.0 ? 0.0 : v * f_sigmoid(v); }
// function: hard_silu
float f_hard_silu(float v) { return v < -3.0 ? 0.0 : v > 3.0 ? v : v * ((v + 3.0) / 6.0); }
// function: tanh
// needs: expm1_falling
float f_tanh(float v) { float e = expm1_falling(-2.0 * abs(v)); float t = -e / (2.0 + e); return v < 0.0 ? -t : t; }
// function: hard_tanh
// needs: clip
float f_hard_tanh(float v) { return at_most(at_least(v, -1.0), 1.0); }
// function: tanh_shrink
// needs: tanh
// Near 0 by the series of the difference, which cancels there.
float f_tanh_shrink(float v) {
    if (abs(v) > 0.5) return v - f_tanh(v);
    float t = v * v;
    return v * t * (1.0 / 3.0 - t * (2.0 / 15.0 - t * (17.0 / 315.0 - t * (62.0 / 2835.0 - t * (0.0088632355 - t * (0.0035921280 - t * 0.0014558344))))));
}
// function: softplus
// needs: falling, log1p_unit
float f_softplus(float v) { return (v < 0.0 ? 0.0 : v) + log1p(falling(-abs(v))); }
// function: log_sigmoid
// needs: softplus
float f_log_sigmoid(float v) { return -f_softplus(-v); }
// function: softsign
float f_softsign(float v) { return v > 1e9 ? 1.0 : v < -1e9 ? -1.0 : v / (1.0 + abs(v)); }
// function: mish
// needs: falling
// tanh(log(1 + e)) is e (e + 2) / (e (e + 2) + 2), and of 1 / e it is (1 + 2 e) / (1 + 2 e + 2 e e): no half overflows.
float f_mish(float v) {
    if (v < -100.0) return 0.0;
    float e = falling(-abs(v));
    float t = v < 0.0 ? e * (e + 2.0) : 1.0 + 2.0 * e;
    return v * (t / (t + (v < 0.0 ? 2.0 : 2.0 * e * e)));
}
// function: sparse_plus
float f_sparse_plus(float v) { return v <= -1.0 ? 0.0 : v >= 1.0 ? v : 0.25 * (v + 1.0) * (v + 1.0); }
// function: sparse_sigmoid
float f_sparse_sigmoid(float v) { return v < -1.0 ? 0.0 : v > 1.0 ? 1.0 : 0.5 * (v + 1.0); }
// function: squareplus
// sqrt(v * v + b) as the larger of |v| and sqrt(b) times a root between 1 and 2: no square overflows, and no sum that
// a compiler makes of two halves.
float f_squareplus(float v, float b) {
    float a = abs(v), r = sqrt(b);
    float large = a > r ? a : r, part = large > 0.0 ? (a > r ? r : a) / large : a;
    float s = a < LARGE ? a + 0.5 * (large * sqrt(1.0 + part * part) - a) : a; // NaN and infinity as they are
    return v < 0.0 ? 0.25 * b / s : s;
}
// function: hard_shrink
float f_hard_shrink(float v, float threshold) { return abs(v) <= threshold ? 0.0 : v; }
// function: soft_shrink
float f_soft_shrink(float v, float threshold) { return abs(v) <= threshold ? 0.0 : v < 0.0 ? v + threshold : v - threshold; }
// function: gelu
// needs: falling
// v times the normal distribution's cumulative function. The tail beyond |v| is exp(-v * v / 2) times a polynomial in
// t = 1 / (1 + 0.3 z), z = |v| / sqrt(2), fitted to exp(z * z) erfc(z) / 2 with a relative error of 2e-8 up to z = 9.4.
float f_gelu(float v) {
    if (v < -14.0) return 0.0;
    if (v > 14.0) return v;
    float t = 1.0 / (1.0 + 0.21213203435596426 * abs(v));
    float tail = t * (0.08459505605 + t * (0.08534238449 + t * (0.07426316805 + t * (0.1071433461 + t * (-0.04666043268
        + t * (0.2729963992 + t * (-0.2554540028 + t * (0.2424777244 - t * 0.06470365251))))))));
    tail *= falling(-0.5 * v * v);
    return v * (v < 0.0 ? tail : 1.0 - tail);
}
// function: gelu_tanh
// needs: sigmoid
// (1 + tanh(u)) / 2 is the sigmoid of 2 u.
float f_gelu_tanh(float v) {
    return v < -20.0 ? 0.0 : v > 20.0 ? v : v * f_sigmoid(1.5957691216057308 * (v + 0.044715 * v * v * v));
}
