// The number of the largest (KIND 2) or smallest (3) of COUNT pixels, STRIDE apart in row-major order: of equals, and of
// NaN, which win, the first. Where they begin: see reduce_space, PARTS as well. Where x holds the extremes of parts of
// PART elements, `at` has their numbers in these.
#pragma glnn input x
#pragma glnn optional at
#pragma glnn const KIND PARTS
#pragma glnn param A1 A2 A3 A4 S0 S1 S2 S3 S4 COUNT STRIDE SIZE PART
bool better(float v, float best) { return v > best || (v != v && best == best); }
vec4 kernel(int n, int h, int w, int c) {
    int p = (n * y_H + h) * y_W + w;
    int a3 = idiv(p, A4), a2 = idiv(a3, A3), a1 = idiv(a2, A2), a0 = idiv(a1, A1);
    int first = a0 * S0 + (a1 - a0 * A1) * S1 + (a2 - a1 * A2) * S2 + (a3 - a2 * A3) * S3 + (p - a3 * A4) * S4;
    int left = SIZE - (p - a3 * A4) * COUNT;
    vec4 best = vec4(0.0), found = vec4(0.0);
    for (int j = 0; j < COUNT; j++) {
        if (PARTS == 1) { if (j >= left) break; }
        int place = first + j * STRIDE;
        int q = idiv(place, x_W), r = idiv(q, x_H);
        vec4 v = x(r, q - r * x_H, place - q * x_W, c), number = vec4(float(j));
        if (KIND == 3) v = -v;
#ifdef HAS_at
        number = number * float(PART) + at(r, q - r * x_H, place - q * x_W, c);
#endif
        bool bx = j == 0 || better(v.x, best.x), by = j == 0 || better(v.y, best.y);
        bool bz = j == 0 || better(v.z, best.z), bw = j == 0 || better(v.w, best.w);
        best = vec4(bx ? v.x : best.x, by ? v.y : best.y, bz ? v.z : best.z, bw ? v.w : best.w);
        found = vec4(bx ? number.x : found.x, by ? number.y : found.y, bz ? number.z : found.z, bw ? number.w : found.w);
    }
    return found;
}
