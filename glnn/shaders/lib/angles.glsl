// Functions of elements: of angles, hyperbolic ones, their inverses, erf. Sections as in functions.glsl, whose helpers, and
// those of operations.glsl, they need by name.
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
// needs: falling
// Near 0 a polynomial; further out 1 less the tail that gelu takes.
float f_erf(float v) {
    float a = abs(v), z = v * v;
    if (a < 1.0) return v * (1.128379165726710 + z * (-3.761262582423300e-1 + z * (1.128358514861418e-1 + z * (-2.685381193529856e-2
        + z * (5.188327685732524e-3 + z * (-8.010193625184903e-4 + z * 7.853861353153693e-5))))));
    if (a > 6.0) return v < 0.0 ? -1.0 : 1.0;
    float t = 1.0 / (1.0 + 0.3 * a);
    float tail = t * (0.08459505605 + t * (0.08534238449 + t * (0.07426316805 + t * (0.1071433461 + t * (-0.04666043268
        + t * (0.2729963992 + t * (-0.2554540028 + t * (0.2424777244 - t * 0.06470365251))))))));
    float y = 1.0 - 2.0 * tail * falling(-a * a);
    return v < 0.0 ? -y : v > 0.0 ? y : v;
}
