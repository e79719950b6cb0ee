// The number of the largest (KIND 2) or smallest (3) channel; for MODE see reduce_channels, in a run counted from its start. Of
// equals, and of NaN, which win, the first. Where x holds the extremes of parts of PART elements, `at` has their numbers
// in these. Lanes past the last channel hold the first one, which is never better.
#pragma glnn input x
#pragma glnn optional at
#pragma glnn const KIND MODE
#pragma glnn param GROUPS PART
#pragma glnn unroll k
bool better(float v, float best) { return v > best || (v != v && best == best); }
float extreme(int n, int h, int w, int first) {
    float fill = first < x_G ? x(n, h, w, 4 * first).x : 0.0, found = 0.0;
#ifdef HAS_at
    found = at(n, h, w, 0).x;
#endif
    float best = KIND == 3 ? -fill : fill;
    for (int g = 0; g < GROUPS; g++) {
        if (MODE == 1) { if (first + g >= x_G) break; }
        vec4 v = x_fill(n, h, w, 4 * (first + g), fill), number = vec4(float(4 * g)) + vec4(0.0, 1.0, 2.0, 3.0);
        if (KIND == 3) v = -v;
#ifdef HAS_at
        number = number * float(PART) + at(n, h, w, 4 * g);
#endif
        for (int k = 0; k < 4; k++) {
            bool wins = better(lane(v, k), best);
            best = wins ? lane(v, k) : best;
            found = wins ? lane(number, k) : found;
        }
    }
    return found;
}
// Of the pixel with this number.
float of_pixel(int p) {
    int q = idiv(p, x_W), r = idiv(q, x_H);
    return extreme(r, q - r * x_H, p - q * x_W, 0);
}
vec4 kernel(int n, int h, int w, int c) {
    int p = ((n * y_H + h) * y_W + w) * y_C + c, g = c * GROUPS;
    if (MODE == 0) {
        return vec4(of_pixel(p), 0.0, 0.0, 0.0);
    } else if (MODE == 2) {
        return vec4(of_pixel(p), of_pixel(p + 1), of_pixel(p + 2), of_pixel(p + 3));
    } else {
        return vec4(extreme(n, h, w, g), extreme(n, h, w, g + GROUPS), extreme(n, h, w, g + 2 * GROUPS), extreme(n, h, w, g + 3 * GROUPS));
    }
}
