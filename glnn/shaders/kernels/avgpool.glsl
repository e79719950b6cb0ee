// Mean of a KH x KW window, for BH x BW pixels at once; taps outside the image do not count.
// Of each value 1/32 is added up (which is exact), 32 of them at most before they get their share: a sum is finite
// where the mean is, and its rounding small.
#pragma glnn input x
#pragma glnn const KH KW SH SW PT PL
#pragma glnn unroll i j a b
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) {
            float count = taps_inside((h + i) * SH - PT, KH, x_H) * taps_inside((w + j) * SW - PL, KW, x_W);
            vec4 none = vec4(nothing(y_H)), total = none, sum = none;
            for (int a = 0; a < KH; a++)
                for (int b = 0; b < KW; b++) {
                    sum += x_tap(i * SH + a - PT, j * SW + b - PL, c / 4) * 0.03125;
                    if (imod(a * KW + b, 32) == 31) { total += sum / (count * 0.03125); sum = none; }
                }
            y[i * BW + j] = total + sum / (count * 0.03125);
        }
}
