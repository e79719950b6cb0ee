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
    int q = idiv(first, x_W), r = idiv(q, x_H), i = q - r * x_H, j = first - q * x_W; // a pixel's place, then the way to the next
    int dq = idiv(STRIDE, x_W), dr = idiv(dq, x_H), di = dq - dr * x_H, dj = STRIDE - dq * x_W;
    vec4 none = vec4(nothing(y_H)), base = none, mean = none, spread = none;
    for (int t = 0; t < COUNT; t += 32) { // the end of 32 stands behind a loop: llvmpipe makes both sides of an if
        if (t >= count) break;
        vec4 sum = none, squares = none;
        for (int k = 0; k < 32; k++) {
            if (t + k >= count) break;
            vec4 v = x(r, i, j, c);
            if (t + k == 0) base = v;
            vec4 d = (v - base) - mean;
            sum += d * 0.03125;
            squares += d * d * 0.03125;
            int right = j + dj < x_W ? 0 : 1, down = i + di + right < x_H ? 0 : 1;
            j += dj - right * x_W;
            i += di + right - down * x_H;
            r += dr + down;
        }
        float share = 32.0 / float(t + 32 < count ? t + 32 : count);
        vec4 off = sum * sum * share;
        spread += vec4(less_spread(squares.x, off.x), less_spread(squares.y, off.y), less_spread(squares.z, off.z), less_spread(squares.w, off.w)) * (32.0 / float(count));
        mean += sum * share;
    }
    return second == 0 ? base + mean : spread;
}
