// Mean of a KH x KW window, for BH x BW pixels at once; taps outside the image do not count.
// Of each value 1/32 is added up (which is exact), 32 of them at most before they get their share: a sum is finite
// where the mean is, and its rounding small.
#pragma glnn input x
#pragma glnn const KH KW SH SW PT PL
#pragma glnn unroll i j a b
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    vec4 none = vec4(nothing(y_H)), sum[BLOCK];
    float share[BLOCK];
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) {
            float count = taps_inside((h + i) * SH - PT, KH, x_H) * taps_inside((w + j) * SW - PL, KW, x_W);
            share[i * BW + j] = count * 0.03125;
            y[i * BW + j] = none;
            sum[i * BW + j] = none;
        }
    for (int a = 0; a < KH; a++)
        for (int b = 0; b < KW; b++) {
            for (int i = 0; i < BH; i++)
                for (int j = 0; j < BW; j++) sum[i * BW + j] += x_tap(i * SH + a - PT, j * SW + b - PL, c / 4) * 0.03125;
            if (imod(a * KW + b, 32) == 31)
                for (int i = 0; i < BLOCK; i++) { y[i] += sum[i] / share[i]; sum[i] = none; }
        }
    for (int i = 0; i < BLOCK; i++) y[i] += sum[i] / share[i];
}
