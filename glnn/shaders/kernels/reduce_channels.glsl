// The sum (KIND 0), mean (1), largest (2), smallest (3) or product (4) of all channels: of a pixel
// (MODE 0), of four in a texel (2), or of each run of GROUPS groups, of which the last may be shorter (1). Means are
// added up as means of 32, whose sum no values overflow, in partial sums that keep the rounding small; halves of these
// are what is added, as rounding may carry the sum beyond the largest of its values. For extremes the lanes past the
// last channel hold the first one.
#pragma glnn input x
#pragma glnn const KIND MODE
#pragma glnn param GROUPS
float reduced(int n, int h, int w, int first) {
    float share = KIND == 1 ? 16.0 / float(x_C) : 1.0, fill = KIND == 4 ? 1.0 : KIND >= 2 ? x(n, h, w, 0).x : 0.0;
    float none = nothing(y_H), total = none, part = none;
    int count = 0;
    for (int g = 0; g < GROUPS; g++) {
        if (MODE == 1) { if (first + g >= x_G) break; }
        vec4 v = x_fill(n, h, w, 4 * (first + g), fill);
        if (KIND == 4) {
            float product = v.x * v.y * v.z * v.w;
            total = g == 0 ? product : total * product;
        } else if (KIND >= 2) {
            vec4 s = KIND == 2 ? v : -v;
            float best = larger(larger(s.x, s.y), larger(s.z, s.w));
            total = g == 0 ? best : larger(total, best);
        } else {
            part += KIND == 1 ? none + v.x * 0.03125 + v.y * 0.03125 + v.z * 0.03125 + v.w * 0.03125 : sum4(v);
            count += 1;
            if (count == 8) { total += part * share; part = none; count = 0; }
        }
    }
    if (KIND >= 2) return KIND == 3 ? -total : total;
    return KIND == 1 ? doubled(total + part * share) : total + part * share;
}
// Of the pixel with this number.
float of_pixel(int p) {
    int q = idiv(p, x_W), r = idiv(q, x_H);
    return reduced(r, q - r * x_H, p - q * x_W, 0);
}
vec4 kernel(int n, int h, int w, int c) {
    int p = ((n * y_H + h) * y_W + w) * y_C + c, g = c * GROUPS;
    if (MODE == 0) {
        return vec4(of_pixel(p), 0.0, 0.0, 0.0);
    } else if (MODE == 2) {
        return vec4(of_pixel(p), of_pixel(p + 1), of_pixel(p + 2), of_pixel(p + 3));
    } else {
        return vec4(reduced(n, h, w, g), reduced(n, h, w, g + GROUPS), reduced(n, h, w, g + 2 * GROUPS), reduced(n, h, w, g + 3 * GROUPS));
    }
}
