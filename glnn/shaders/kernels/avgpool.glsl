// Mean of a KH x KW window, for BH x BW pixels at once; taps outside the image do not count.
// Of each of the 25 values at most 1/32 is added up (which is exact), so that the sum is finite where the mean is.
#pragma glnn input x
#pragma glnn const KH KW SH SW PT PL
#pragma glnn unroll i j a b
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    x_seek(n, h, w, c / 4);
    vec4 win[((BH - 1) * SH + KH) * ((BW - 1) * SW + KW)];
    for (int i = 0; i < (BH - 1) * SH + KH; i++)
        for (int j = 0; j < (BW - 1) * SW + KW; j++) win[i * ((BW - 1) * SW + KW) + j] = x_tap(i - PT, j - PL) * 0.03125;
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) {
            vec4 sum = vec4(nothing(y_H));
            for (int a = 0; a < KH; a++)
                for (int b = 0; b < KW; b++) sum += win[(i * SH + a) * ((BW - 1) * SW + KW) + j * SW + b];
            float count = taps_inside((h + i) * SH - PT, KH, x_H) * taps_inside((w + j) * SW - PL, KW, x_W);
            y[i * BW + j] = sum / (count * 0.03125);
        }
}
