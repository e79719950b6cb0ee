// Mean of a KH x KW window, with real loops; taps outside the image do not count. Short partial sums
// keep the rounding small; they are means of 16, so that no values overflow.
#pragma glnn input x
#pragma glnn param KH KW SH SW PT PL
vec4 kernel(int n, int h, int w, int c) {
    float share = 16.0 / (taps_inside(h * SH - PT, KH, x_H) * taps_inside(w * SW - PL, KW, x_W));
    vec4 none = vec4(nothing(y_H)), total = none;
    for (int a = 0; a < KH; a++) {
        vec4 part = none, row = none;
        for (int b = 0; b < KW; b++) {
            part += x_or(n, h * SH + a - PT, w * SW + b - PL, c, 0.0) * 0.0625;
            if (imod(b, 16) == 15) { row += part * share; part = none; }
        }
        total += row + part * share;
    }
    return total;
}
