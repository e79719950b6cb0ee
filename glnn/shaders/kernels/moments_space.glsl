// The mean of each run of SIZE pixels, and in the second half of the images the mean of squares about it: from a first
// pixel on, STRIDE apart. The first follows from the output's pixel, one of KEPT in each half: axes of sizes A0 to A4, S0
// to S4 apart. With PARTS the last of these counts parts of SIZE pixels, COUNT each, and the last part may be shorter.
// Differences from the mean so far are added up, 32 at a time, so that few digits cancel (Chan et al. 1979); the mean as what it is from the first value.
#pragma glnn input x
#pragma glnn const PARTS
#pragma glnn param KEPT A1 A2 A3 A4 S0 S1 S2 S3 S4 COUNT STRIDE SIZE
float less_spread(float q, float s) { return q < LARGE ? q - s : q; }
vec4 kernel(int n, int h, int w, int c) {
    int p = (n * y_H + h) * y_W + w, second = idiv(p, KEPT);
    p -= second * KEPT;
    int a3 = idiv(p, A4), a2 = idiv(a3, A3), a1 = idiv(a2, A2), a0 = idiv(a1, A1), at = p - a3 * A4;
    int first = a0 * S0 + (a1 - a0 * A1) * S1 + (a2 - a1 * A2) * S2 + (a3 - a2 * A3) * S3 + at * S4;
    int count = PARTS == 1 && SIZE - at * COUNT < COUNT ? SIZE - at * COUNT : COUNT;
    vec4 none = vec4(nothing(y_H)), base = none, mean = none, spread = none, sum = none, squares = none;
    int waiting = 0;
    for (int j = 0; j < COUNT; j++) {
        if (j >= count) break;
        int i = first + j * STRIDE, q = idiv(i, x_W), r = idiv(q, x_H);
        vec4 v = x(r, q - r * x_H, i - q * x_W, c);
        if (j == 0) base = v;
        vec4 d = (v - base) - mean;
        sum += d * 0.03125;
        squares += d * d * 0.03125;
        waiting += 1;
        if (waiting == 32 || j == count - 1) {
            float share = 32.0 / float(j + 1);
            vec4 off = sum * sum * share;
            vec4 more = vec4(less_spread(squares.x, off.x), less_spread(squares.y, off.y), less_spread(squares.z, off.z), less_spread(squares.w, off.w));
            mean += sum * share;
            spread += more * (32.0 / float(count));
            sum = none;
            squares = none;
            waiting = 0;
        }
    }
    return second == 0 ? base + mean : spread;
}
