// Bilinear enlargement by whole factors, pixel centres at half integers; beyond the border the image repeats its edge.
#pragma glnn input x
#pragma glnn param SH SW
int inside(int i, int size) { return i < 0 ? 0 : (i < size ? i : size - 1); }
vec4 blend(vec4 a, vec4 b, float t) { return t == 0.0 ? a : (1.0 - t) * a + t * b; }
vec4 kernel(int n, int h, int w, int c) {
    int i = idiv(2 * h + 1 - SH, 2 * SH), j = idiv(2 * w + 1 - SW, 2 * SW);
    float s = float(2 * h + 1 - SH - 2 * SH * i) / float(2 * SH), t = float(2 * w + 1 - SW - 2 * SW * j) / float(2 * SW);
    int top = inside(i, x_H), bottom = inside(i + 1, x_H), left = inside(j, x_W), right = inside(j + 1, x_W);
    return blend(blend(x(n, top, left, c), x(n, top, right, c), t), blend(x(n, bottom, left, c), x(n, bottom, right, c), t), s);
}
