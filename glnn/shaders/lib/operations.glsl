// Functions of elements that are no activations: arithmetic, comparisons, logarithms, angles. Sections as in
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
// function: turns
// What is left of an angle in quarters of a turn, from -pi/4 to pi/4: pi/2 in four parts, the first three of nine bits,
// so that their products are exact for up to 2^15 quarters. The angle may go to 50,000 either way; what is beyond has
// no such rest, and gets one within the bounds.
float quarters(float v) { return floor(v * 0.6366197723675814 + 0.5); }
float beyond_quarters(float v, float k) {
    float r = v - k * 1.5703125;
    r = (r + nothing(y_H)) - k * 4.8351287841796875e-4;
    r = (r + nothing(y_H)) - k * 3.1385570764541626e-7;
    r = (r + nothing(y_H)) - k * 6.07710062827671e-11;
    return r > 0.8 ? 0.8 : r < -0.8 ? -0.8 : r;
}
float sine(float r) { float z = r * r; return r + r * z * (-1.6666654611e-1 + z * (8.3321608736e-3 - z * 1.9515295891e-4)); }
float cosine(float r) {
    float z = r * r;
    return 1.0 - 0.5 * z + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5));
}
// function: sin
// needs: turns, undefined
float turned(float v, float quarter) {
    if (!(abs(v) <= LARGE)) return undefined(v);
    float k = quarters(v), r = beyond_quarters(v, k), q = k + quarter - 4.0 * floor(0.25 * (k + quarter));
    float y = q == 1.0 || q == 3.0 ? cosine(r) : sine(r);
    return q >= 2.0 ? -y : y;
}
float f_sin(float v) { return turned(v, 0.0); }
// function: cos
// needs: sin
float f_cos(float v) { return turned(v, 1.0); }
// function: tan
// needs: turns, undefined
float f_tan(float v) {
    if (!(abs(v) <= LARGE)) return undefined(v);
    float k = quarters(v), r = beyond_quarters(v, k), z = r * r;
    float y = r + r * z * (3.33331568548e-1 + z * (1.33387994085e-1 + z * (5.34112807005e-2 + z * (2.44301354525e-2 + z * (3.11992232697e-3 + z * 9.38540185543e-3)))));
    return k - 2.0 * floor(0.5 * k) == 1.0 ? -1.0 / y : y;
}
// function: asin
// needs: undefined
float arc_sine(float v) {
    float z = v * v;
    return v + v * z * (1.6666752422e-1 + z * (7.4953002686e-2 + z * (4.5470025998e-2 + z * (2.4181311049e-2 + z * 4.2163199048e-2))));
}
float f_asin(float v) {
    float a = abs(v);
    if (!(a <= 1.0)) return undefined(v);
    if (a < 0.5) return arc_sine(v);
    float y = 1.5707963267948966 - 2.0 * arc_sine(sqrt(0.5 * (1.0 - a)));
    return v < 0.0 ? -y : y;
}
// function: acos
// needs: asin
float f_acos(float v) {
    float a = abs(v);
    if (!(a <= 1.0)) return undefined(v);
    if (a < 0.5) return 1.5707963267948966 - arc_sine(v);
    float y = 2.0 * arc_sine(sqrt(0.5 * (1.0 - a)));
    return v < 0.0 ? 3.141592653589793 - y : y;
}
// function: atan
// Of 0 to 1: beyond tan(pi/8) as pi/4 and the angle of the rest.
float arc_tangent(float v) {
    float r = v > 0.4142135623730950 ? (v - 1.0) / (v + 1.0) : v, z = r * r;
    float y = r + r * z * (-3.33329491539e-1 + z * (1.99777106478e-1 + z * (-1.38776856032e-1 + z * 8.05374449538e-2)));
    return v > 0.4142135623730950 ? 0.7853981633974483 + y : y;
}
float f_atan(float v) {
    float a = abs(v);
    float y = a > 1.0 ? 1.5707963267948966 - arc_tangent(1.0 / a) : arc_tangent(a);
    return v < 0.0 ? -y : y;
}
// function: atan2
// needs: atan
// Both sides are scaled, so that their quotient is right for the largest and the least.
float f_atan2(float u, float v) {
    float a = abs(u), b = abs(v);
    if (u != u || v != v) return (u + nothing(y_H)) + v;
    float large = a > b ? a : b, small = a > b ? b : a;
    float scale = large > 1e18 ? 5.421010862427522e-20 : large < 1e-18 ? 1.8446744073709552e19 : 1.0;
    float r = small > LARGE ? 1.0 : large > LARGE || large == 0.0 ? 0.0 : small * scale / (large * scale);
    float y = arc_tangent(r);
    y = a > b ? 1.5707963267948966 - y : y;
    y = v < 0.0 ? 3.141592653589793 - y : y;
    return u < 0.0 ? -y : y;
}
// function: sinh
// needs: expm1
// From 44 on as exp(v - 88) exp(88) / 2: v - 88 is exact.
float f_sinh(float v) {
    float a = abs(v), e = expm1(a < 44.0 ? a : 44.0);
    float y = a > 44.0 ? f_exponential(a - 88.0) * 8.258181274970009e37 : a >= 0.0 ? 0.5 * (e + e / (e + 1.0)) : v;
    return v < 0.0 ? -y : y;
}
// function: cosh
// needs: exponential
float f_cosh(float v) {
    float a = abs(v), e = f_exponential(a < 44.0 ? a : 44.0);
    return a > 44.0 ? f_exponential(a - 88.0) * 8.258181274970009e37 : a >= 0.0 ? 0.5 * e + 0.5 / e : v;
}
// function: asinh
// needs: log1p
float f_asinh(float v) {
    float a = abs(v), b = a < 1e9 ? a : 1e9;
    float y = a > 1e9 ? f_log(a) + 0.6931471805599453 : a >= 0.0 ? f_log1p(b + b * b / (1.0 + sqrt(1.0 + b * b))) : v;
    return v < 0.0 ? -y : y;
}
// function: acosh
// needs: log1p, undefined
float f_acosh(float v) {
    if (!(v >= 1.0)) return undefined(v);
    float t = (v < 1e9 ? v : 1e9) - 1.0;
    return v > 1e9 ? f_log(v) + 0.6931471805599453 : f_log1p(t + sqrt(t) * sqrt(t + 2.0));
}
// function: atanh
// needs: log1p, undefined
float f_atanh(float v) {
    float a = abs(v);
    if (!(a <= 1.0)) return undefined(v);
    float y = 0.5 * f_log1p(a < 0.5 ? 2.0 * a + 2.0 * a * a / (1.0 - a) : 2.0 * a / (1.0 - a));
    return v < 0.0 ? -y : y;
}
// function: erf
// needs: exponential
// Near 0 a polynomial; further out 1 less the tail that gelu takes.
float f_erf(float v) {
    float a = abs(v), z = v * v;
    if (a < 1.0) return v * (1.128379165726710 + z * (-3.761262582423300e-1 + z * (1.128358514861418e-1 + z * (-2.685381193529856e-2
        + z * (5.188327685732524e-3 + z * (-8.010193625184903e-4 + z * 7.853861353153693e-5))))));
    if (a > 6.0) return v < 0.0 ? -1.0 : 1.0;
    float t = 1.0 / (1.0 + 0.3 * a);
    float tail = t * (0.08459505605 + t * (0.08534238449 + t * (0.07426316805 + t * (0.1071433461 + t * (-0.04666043268
        + t * (0.2729963992 + t * (-0.2554540028 + t * (0.2424777244 - t * 0.06470365251))))))));
    float y = 1.0 - 2.0 * tail * f_exponential(-a * a);
    return v < 0.0 ? -y : v > 0.0 ? y : v;
}
