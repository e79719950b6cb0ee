// Functions of elements that are no activations: arithmetic, comparisons, logarithms. Sections as in
// functions.glsl, whose helpers they need by name.
// function: maximum
// Where neither compares, one is NaN: their sum is, too, unless a compiler makes a of (a - v) + v.
float f_maximum(float u, float v) { return u > v ? u : u <= v ? v : (u + nothing(y_H)) + v; }
// function: minimum
float f_minimum(float u, float v) { return u < v ? u : u >= v ? v : (u + nothing(y_H)) + v; }
// function: truth
// Compilers make a == -b of a + b == 0.0, which holds for infinities whose sum is NaN.
bool truth(float v) { return v + nothing(y_H) != 0.0; }
// function: where
// needs: truth
float f_where(float c, float u, float v) { return truth(c) ? u : v; }
// function: less
float f_less(float u, float v) { return u < v ? 1.0 : 0.0; }
// function: sum_of_parts
// What drivers would make (a + b) * s of, where a * s + b * s are added.
float f_sum_of_parts(float u, float v) { return nothing(y_H) + u + v; }
// function: subtract
// Of a value and itself, the others have a sign: compilers make 0 of it, where infinities and NaN give NaN.
float f_subtract(float u, float v) { return u * nothing(y_H); }
// function: divide
// By numbers beyond 2^126 some drivers divide as by infinity, since the inverse is below the least normal float.
float f_divide(float u, float v) { float s = abs(v) > 1e37 ? 0.0625 : 1.0; return (u * s) / (v * s); }
// function: square
float f_square(float v) { return v * v; }
// function: sqrt
float f_sqrt(float v) { return sqrt(v); }
// function: abs
float f_abs(float v) { return abs(v); }
// function: less_equal
float f_less_equal(float u, float v) { return u <= v ? 1.0 : 0.0; }
// function: greater
float f_greater(float u, float v) { return u > v ? 1.0 : 0.0; }
// function: greater_equal
float f_greater_equal(float u, float v) { return u >= v ? 1.0 : 0.0; }
// function: equal
float f_equal(float u, float v) { return u == v ? 1.0 : 0.0; }
// function: not_equal
float f_not_equal(float u, float v) { return u != v ? 1.0 : 0.0; }
// function: logical_and
// needs: truth
float f_logical_and(float u, float v) { return truth(u) && truth(v) ? 1.0 : 0.0; }
// function: logical_or
// needs: truth
float f_logical_or(float u, float v) { return truth(u) || truth(v) ? 1.0 : 0.0; }
// function: logical_xor
// needs: truth
float f_logical_xor(float u, float v) { return truth(u) != truth(v) ? 1.0 : 0.0; }
// function: logical_not
// needs: truth
float f_logical_not(float v) { return truth(v) ? 0.0 : 1.0; }
// function: isnan
float f_isnan(float v) { return v != v ? 1.0 : 0.0; }
// function: isinf
float f_isinf(float v) { return abs(v) > LARGE ? 1.0 : 0.0; }
// function: undefined
// NaN, of any v.
float undefined(float v) { return sqrt(-1.0 - abs(v)); }
// function: rsqrt
float f_rsqrt(float v) { return 1.0 / sqrt(v); }
// function: reciprocal
float f_reciprocal(float v) { return 1.0 / v; }
// function: sign
float f_sign(float v) { return v > 0.0 ? 1.0 : v < 0.0 ? -1.0 : v; }
// function: floor
// From 2^23 on every float is whole; what is beyond it, and NaN, stays as it is.
float f_floor(float v) { return abs(v) < 8388608.0 ? floor(v) : v; }
// function: ceil
float f_ceil(float v) { return abs(v) < 8388608.0 ? ceil(v) : v; }
// function: round
float f_round(float v) {
    if (!(abs(v) < 8388608.0)) return v;
    float low = floor(v), part = v - low, odd = low - 2.0 * floor(0.5 * low);
    return part < 0.5 || (part == 0.5 && odd == 0.0) ? low : low + 1.0;
}
// function: trunc
float f_trunc(float v) { return abs(v) < 8388608.0 ? (v < 0.0 ? ceil(v) : floor(v)) : v; }
// function: leading
// The first 12 bits of a number, so that products of two such are exact.
float leading(float x) {
    if (!(abs(x) > 1e-30)) return 0.0;
    float e = floor(log2(abs(x)));
    return floor(x * power2(11.0 - e) + 0.5) * power2(e - 11.0);
}
// function: fmod
// needs: leading, undefined
// The rest of the division by d * 2^k for k = 30, 20, 10 and 0: each quotient has 11 bits at most, and the products of
// these with the halves of d are exact. What is more than 2^40 times as large as v counts as a multiple of it.
float rest_of(float rest, float high, float low) {
    float q = floor(rest / (high + low) + 0.5);
    return high + low <= 2.0 * abs(rest) ? ((rest - q * high) + nothing(y_H)) - q * low : rest;
}
float f_fmod(float u, float v) {
    float d = abs(v), scale = d > 1e18 ? 5.421010862427522e-20 : d < 1e-18 ? 1.8446744073709552e19 : 1.0;
    if (u != u || v != v || abs(u) > LARGE || d == 0.0) return undefined(u + v);
    float rest = abs(u) * scale;
    if (abs(u) < d) return u;
    d *= scale;
    float high = leading(d), low = d - high;
    if (rest > d * 1099511627776.0) return 0.0;
    rest = rest_of(rest, high * 1073741824.0, low * 1073741824.0);
    rest = rest_of(rest, high * 1048576.0, low * 1048576.0);
    rest = rest_of(rest, high * 1024.0, low * 1024.0);
    rest = rest_of(rest, high, low);
    rest = (rest < 0.0 ? rest + d : rest) / scale;
    return u < 0.0 ? -rest : rest;
}
// function: mod
// needs: fmod
float f_mod(float u, float v) {
    float rest = f_fmod(u, v);
    return (rest < 0.0 && v > 0.0) || (rest > 0.0 && v < 0.0) ? rest + v : rest;
}
// function: halves
// A number above 0 as m * 2^e with m near 1: between 0.66 and 1.5, whatever the driver's log2 is off. What is too small
// or too large to be scaled at once is scaled before.
float exponent_of(float v) { return floor(log2(v) + 0.5); }
float scaled_up(float v) { return v > 1e18 ? v * 5.421010862427522e-20 : v < 1e-18 ? v * 1.8446744073709552e19 : v; }
float scaled_by(float v) { return v > 1e18 ? 64.0 : v < 1e-18 ? -64.0 : 0.0; }
// function: log
// needs: halves, undefined
// log(1 + f) as f - f * f / 2 and a polynomial, fitted from f = -0.34 to 0.5 with a relative error of 5e-9: a division
// may be off by more units than the result. ln 2 in two parts, the first of which times a whole number is exact.
float f_log(float v) {
    if (!(v > 0.0)) return v < 0.0 ? undefined(v) : v == 0.0 ? -1.0 / abs(v) : v;
    if (v > LARGE) return v;
    float a = scaled_up(v), e = exponent_of(a), f = a * power2(-e) - 1.0;
    float rest = 0.3333325173 + f * (-0.2500014864 + f * (0.2000630795 + f * (-0.1666547187 + f * (0.1413795041 + f * (-0.1237612174
        + f * (0.1240360994 + f * (-0.1213282595 + f * 0.06305496248)))))));
    float small = f + (f * f) * (f * rest - 0.5);
    e += scaled_by(v);
    return e == 0.0 ? small : e * 0.693359375 + (nothing(y_H) + (e * -2.12194440e-4 + small));
}
// function: log1p
// needs: log
float f_log1p(float v) {
    if (abs(v) > 0.41) return f_log(1.0 + v);
    float s = v / (2.0 + v), t = s * s;
    return 2.0 * s + s * t * (2.0 / 3.0 + t * (2.0 / 5.0 + t * (2.0 / 7.0 + t * (2.0 / 9.0 + t * (2.0 / 11.0 + t * (2.0 / 13.0))))));
}
// function: power
// needs: halves, leading, truth, undefined
// 2^(v log2(u)), where log2(u) and its product with v have a second part each, for what float32 does not hold: the
// rounding of a product of 100 alone would put 100 units into the result.
float power_of(float u, float v) {
    float a = scaled_up(u), e = exponent_of(a), m = a * power2(-e);
    float one = 1.0 + nothing(y_H); // m - (gh - 1.0) would become (m + 1.0) - gh, which is rounded
    float f = m - 1.0, g = m + 1.0, s = leading(f / g), gh = leading(g), gl = m - (gh - one);
    float sl = (((f - s * gh) + nothing(y_H)) - s * gl) / g;
    float t = (s + sl) * (s + sl);
    float tail = (s + sl) * t * (1.0 / 3.0 + t * (1.0 / 5.0 + t * (1.0 / 7.0 + t * (1.0 / 9.0 + t * (1.0 / 11.0)))));
    e += scaled_by(u);
    float first = s * 2.884765625, rest = s * 6.24456777926774e-4 + (sl + tail) * 2.8853900818; // 2 / ln 2 in two parts
    float h = leading(e + first), l = (((e - h) + nothing(y_H)) + first) + rest;
    float vh = leading(v), vl = v - vh;
    float large = vh * h, small = vh * l + (vl * h + vl * l);
    float k = floor(large + small + 0.5);
    if (!(k < 129.0)) return LARGE * 2.0 * abs(v);
    if (k < -150.0) return 0.0;
    float r = ((large - k) + small) * 0.6931471805599453;
    float y = 1.0 + r * (1.0 + r * (1.0 / 2.0 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r / 5040.0))))));
    float half_k = floor(0.5 * k);
    return y * power2(half_k) * power2(k - half_k);
}
float f_power(float u, float v) {
    if (!truth(v) || u == 1.0) return 1.0;
    if (u != u || v != v) return (u + nothing(y_H)) + v;
    if (v == 1.0) return u;
    if (v == 2.0) return u * u;
    float a = abs(u), w = abs(v);
    bool whole = w >= 8388608.0 || floor(w) == w;
    bool odd = w < 16777216.0 && whole && w - 2.0 * floor(0.5 * w) == 1.0;
    float y = 1.0;
    if (a == 1.0) y = 1.0;
    else if (w > LARGE) y = (a > 1.0) == (v > 0.0) ? w : 0.0;
    else if (a == 0.0 || a > LARGE) y = (a > 1.0) == (v > 0.0) ? 2.0 * LARGE * w : 0.0;
    else y = power_of(a, v > 4e9 ? 4e9 : v < -4e9 ? -4e9 : v);
    if (u > 0.0 || (u == 0.0 && !odd)) return y;
    return u < 0.0 && !whole && w <= LARGE && a <= LARGE ? undefined(u) : odd ? -y : y;
}
