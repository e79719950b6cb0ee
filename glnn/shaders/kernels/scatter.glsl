// The table with updates put where numbers say, those from I0 to I0 + IN of I. The table is seen as (A, R, B), the
// updates as (A, I, B); the R rows have K axes of sizes N0, N1, .. FORM: 0: I numbers; 1: a number for each update;
// 2: (I, K) numbers. KIND: 0 the last stays, 1 sum, 2 product, 3 the larger, 4 the smaller. SHIFT: rows are counted
// from 1, and 0 is none. WHOLE: texels stay whole, and B counts pixels.
#pragma glnn input table places updates
#pragma glnn const FORM KIND K WHOLE
#pragma glnn param I I0 IN B R SHIFT N0 N1 N2 N3 N4
#pragma glnn unroll k
// The row of the numbers from `first` on, -1 where there is none.
int row(int first) {
    int r = 0;
    bool there = true;
    for (int k = 0; k < K; k++) {
        int size = k == 0 ? N0 : k == 1 ? N1 : k == 2 ? N2 : k == 3 ? N3 : N4;
        float number = places_flat(first + k);
        float most = float(size + SHIFT);
        bool right = number < most && (SHIFT == 1 ? number >= 1.0 : number > -most - 1.0);
        int i = right ? int(number) - SHIFT : 0;
        i = i < 0 ? i + size : i;
        there = there && right;
        r = r * size + i;
    }
    return there ? r : -1;
}
float joined(float v, float u) {
    if (KIND == 0) return u;
    if (KIND == 1) return v + u;
    if (KIND == 2) return v * u;
    if (KIND == 3) return v > u ? v : v <= u ? u : v + u;
    return v < u ? v : v >= u ? u : v + u;
}
// The output's element f in (A, R, B).
float at(int f) {
    float v = table_flat(f);
    int q = idiv(f, B), a = idiv(q, R), r = q - a * R, rest = f - q * B;
    for (int t = 0; t < IN; t++) {
        int p = (a * I + I0 + t) * B + rest;
        if (row(FORM == 0 ? I0 + t : FORM == 1 ? p : (I0 + t) * K) == r) v = joined(v, updates_flat(p));
    }
    return v;
}
vec4 kernel(int n, int h, int w, int c) {
    int pixel = (n * y_H + h) * y_W + w;
    if (WHOLE == 1) {
        vec4 v = table(n, h, w, c);
        int b = idiv(pixel, B), a = idiv(b, R), r = b - a * R, rest = pixel - b * B;
        for (int t = 0; t < IN; t++) {
            if (row(FORM == 0 ? I0 + t : (I0 + t) * K) == r) {
                int p = (a * I + I0 + t) * B + rest;
                int q = idiv(p, updates_W), m = idiv(q, updates_H);
                vec4 u = updates(m, q - m * updates_H, p - q * updates_W, c);
                v = vec4(joined(v.x, u.x), joined(v.y, u.y), joined(v.z, u.z), joined(v.w, u.w));
            }
        }
        return v;
    }
    int f = pixel * y_C + c;
    int last = (pixel + 1) * y_C - 1;
    return vec4(at(f), at(f < last ? f + 1 : last), at(f + 1 < last ? f + 2 : last), at(f + 2 < last ? f + 3 : last));
}
