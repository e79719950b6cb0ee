// Mean of a KH x KW window, for BH x BW pixels at once; taps outside the image do not count.
#pragma glnn input x
#pragma glnn const KH KW SH SW PT PL
#pragma glnn unroll i j a b
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    x_seek(n, h, w, c / 4);
    vec4 win[((BH - 1) * SH + KH) * ((BW - 1) * SW + KW)];
    for (int i = 0; i < (BH - 1) * SH + KH; i++)
        for (int j = 0; j < (BW - 1) * SW + KW; j++) win[i * ((BW - 1) * SW + KW) + j] = x_tap(i - PT, j - PL);
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) {
            vec4 sum = vec4(0.0);
            for (int a = 0; a < KH; a++)
                for (int b = 0; b < KW; b++) sum += win[(i * SH + a) * ((BW - 1) * SW + KW) + j * SW + b];
            y[i * BW + j] = sum / (taps_inside((h + i) * SH - PT, KH, x_H) * taps_inside((w + j) * SW - PL, KW, x_W));
        }
}
