// Each element joined with COUNT - 1 of those before it along an axis of L elements, STEP apart; SIGN -1: after it.
// SHIFT 1: the first is its neighbour, not itself. KIND: 0 sum, 1 product, 2 the largest, 3 the least.
// CHANNELS: the axis is the last; else its elements lie S pixels apart.
#pragma glnn input x
#pragma glnn const KIND CHANNELS
#pragma glnn param L S STEP COUNT SHIFT SIGN
float joined(float v, float u) {
    if (KIND == 0) return v + u;
    if (KIND == 1) return v * u;
    if (KIND == 2) return u > v || u != u ? u : v;
    return u < v || u != u ? u : v;
}
float lane_at(int n, int h, int w, int c, float first) {
    float v = first;
    for (int k = 0; k < COUNT; k++) {
        int i = c - SIGN * (SHIFT + k * STEP);
        bool inside = i >= 0 && i < L;
        float u = x_at(n, h, w, inside ? i : 0);
        v = inside ? joined(v, u) : v;
    }
    return v;
}
vec4 kernel(int n, int h, int w, int c) {
    vec4 own = x(n, h, w, c);
    vec4 v = KIND == 0 ? vec4(0.0) : KIND == 1 ? vec4(1.0) : own;
    if (CHANNELS == 1) {
        v = vec4(lane_at(n, h, w, c, v.x), lane_at(n, h, w, c + 1, v.y), lane_at(n, h, w, c + 2, v.z), lane_at(n, h, w, c + 3, v.w));
        return v;
    }
    int pixel = (n * x_H + h) * x_W + w;
    int at = imod(idiv(pixel, S), L);
    for (int k = 0; k < COUNT; k++) {
        int far = SIGN * (SHIFT + k * STEP);
        bool inside = at - far >= 0 && at - far < L;
        int p = inside ? pixel - far * S : pixel;
        int q = idiv(p, x_W), m = idiv(q, x_H);
        vec4 u = x(m, q - m * x_H, p - q * x_W, c);
        if (inside) v = vec4(joined(v.x, u.x), joined(v.y, u.y), joined(v.z, u.z), joined(v.w, u.w));
    }
    return v;
}
#pragma glnn test sums: x = normal(2, 3, 7, 5), KIND = 0, CHANNELS = 0, L = 7, S = 1, STEP = 1, COUNT = 7, SHIFT = 0, SIGN = 1
#pragma glnn expect cumsum(x, axis=2) as float32, rgba8
#pragma glnn test products_from_the_end: x = uniform(4, 9), KIND = 1, CHANNELS = 1, L = 9, S = 1, STEP = 1, COUNT = 9, SHIFT = 0, SIGN = -1
#pragma glnn expect cumprod(x[:, ::-1], axis=1)[:, ::-1] as float32, rgba8
#pragma glnn test largest_of_two: x = [[1, 5, 2, nan, 4]], KIND = 2, CHANNELS = 1, L = 5, S = 1, STEP = 1, COUNT = 1, SHIFT = 1, SIGN = 1
#pragma glnn expect [[1, 5, 5, nan, nan]]
