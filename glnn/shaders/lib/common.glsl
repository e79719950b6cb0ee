float sum4(vec4 v) { return v.x + v.y + v.z + v.w; }
float max4(vec4 v) { return max(max(v.x, v.y), max(v.z, v.w)); }
float min4(vec4 v) { return min(min(v.x, v.y), min(v.z, v.w)); }
// Floor of a / b, exact for |a| below 2^24: integer division is slow on software GL and inexact on small devices.
int idiv(int a, int b) {
    int q = int(float(a) / float(b));
    int r = a - q * b;
    return r < 0 ? q - 1 : (r >= b ? q + 1 : q);
}
int imod(int a, int b) { return a - idiv(a, b) * b; }
float lane(vec4 v, int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }
// 2 to a whole power between -127 and 127, exactly: exp2 is a few bits off on some drivers.
float power2(float e) {
    float a = abs(e);
    float b = e < 0.0 ? 0.5 : 2.0;
    float p = mod(a, 2.0) >= 1.0 ? b : 1.0;
    p *= mod(floor(a / 2.0), 2.0) >= 1.0 ? b * b : 1.0;
    b *= b * b * b;
    p *= mod(floor(a / 4.0), 2.0) >= 1.0 ? b : 1.0;
    p *= mod(floor(a / 8.0), 2.0) >= 1.0 ? b * b : 1.0;
    b *= b * b * b;
    p *= mod(floor(a / 16.0), 2.0) >= 1.0 ? b : 1.0;
    p *= mod(floor(a / 32.0), 2.0) >= 1.0 ? b * b : 1.0;
    return p * (mod(floor(a / 64.0), 2.0) >= 1.0 ? b * b * b * b : 1.0);
}
// 0, of a size that is 1 or more: compilers do not see it. A sum of products that starts with it stays one, where
// drivers would make (a + b) * s of a * s + b * s, which overflows where the latter does not.
float nothing(int size) { return min(float(size) - 1.0, 0.0); }
vec4 only(bool condition, vec4 v) { return condition ? v : vec4(0.0); }
// The larger of two, NaN if one of them is. Mesa 26 makes a plain max of `v > best || v != v ? v : best`.
float larger(float best, float v) { return v != v ? v : best != best ? best : max(best, v); }
vec4 larger4(vec4 best, vec4 v) {
    return vec4(larger(best.x, v.x), larger(best.y, v.y), larger(best.z, v.z), larger(best.w, v.w));
}
// Twice v: the largest float where rounding would carry twice a half of it beyond. Infinite and NaN as v is.
float doubled(float v) { return abs(v) < 1.7014117331926443e38 ? v + v : abs(v) <= LARGE ? (v < 0.0 ? -LARGE : LARGE) : v; }
// exp of a number up to 0 whatever the driver's exp does with -inf and NaN. A difference from the largest can come out
// above 0 where a driver fuses a multiplication with the subtraction: that is 0 as well.
float power(float v) { return v < -87.3 ? 0.0 : v <= 0.0 ? exp(v) : v > 0.0 ? 1.0 : v + v; }
vec4 powers(vec4 v) { return vec4(power(v.x), power(v.y), power(v.z), power(v.w)); }
// How many of `length` taps from `start` on lie in an image of `size` pixels.
float taps_inside(int start, int length, int size) {
    return min(float(start + length), float(size)) - max(float(start), 0.0);
}
// Image n of volumes of `images` each -> the one that it meets in volumes of `size`: (n * mul + add) / div there; -1: none.
int volume_image(int n, int images, int mul, int add, int div, int size) {
    int v = idiv(n, images);
    int at = (n - v * images) * mul + add, z = idiv(at, div);
    return z < 0 || z >= size || z * div != at ? -1 : v * size + z;
}
