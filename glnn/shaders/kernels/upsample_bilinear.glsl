// Bilinear enlargement by whole factors; beyond the border the image repeats its edge.
// CENTRES: pixel i lies at i + 1/2, else at i.
#pragma glnn input x
#pragma glnn const CENTRES
#pragma glnn param SH SW
int inside(int i, int size) { return i < 0 ? 0 : (i < size ? i : size - 1); }
// u = 1 - t comes from outside: a driver that knew would compute a + t * (b - a), which is NaN for two infinities.
// Where t + u comes out above 1, as drivers may divide, the mean of two values near the largest float is infinite.
float finite(float v, float a, float b) { return abs(v) > LARGE && abs(a) <= LARGE && abs(b) <= LARGE ? a : v; }
vec4 blend(vec4 a, vec4 b, float t, float u) {
    vec4 v = u * a + t * b;
    v = vec4(finite(v.x, a.x, b.x), finite(v.y, a.y, b.y), finite(v.z, a.z, b.z), finite(v.w, a.w, b.w));
    return t == 0.0 ? a : v;
}
vec4 kernel(int n, int h, int w, int c) {
    int y = 2 * h + CENTRES * (1 - SH), z = 2 * w + CENTRES * (1 - SW);
    int i = idiv(y, 2 * SH), j = idiv(z, 2 * SW);
    int below = y - 2 * SH * i, beside = z - 2 * SW * j;
    float s = float(below) / float(2 * SH), r = float(2 * SH - below) / float(2 * SH);
    float t = float(beside) / float(2 * SW), u = float(2 * SW - beside) / float(2 * SW);
    int top = inside(i, x_H), bottom = inside(i + 1, x_H), left = inside(j, x_W), right = inside(j + 1, x_W);
    vec4 above = blend(x(n, top, left, c), x(n, top, right, c), t, u);
    return blend(above, blend(x(n, bottom, left, c), x(n, bottom, right, c), t, u), s, r);
}
