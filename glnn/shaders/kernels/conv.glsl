// Convolution of BH x BW pixels at once; also dense layers and matmul, as 1 x 1 taps over rows.
#pragma glnn input x
#pragma glnn optional residual
#pragma glnn matrix weights
#pragma glnn vector bias
#pragma glnn const KH KW SH SW DH DW PT PL GU
#pragma glnn param G0 GN
#pragma glnn unroll i j a b u
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    bias_seek(c / 4);
    vec4 start = bias(0);
    for (int i = 0; i < BLOCK; i++) y[i] = start;
    x_seek(n, h, w, G0);
    weights_seek(0, c / 4);
    for (int g = 0; g < GN; g += GU) {
        for (int u = 0; u < GU; u++) {
            vec4 win[((BH - 1) * SH + (KH - 1) * DH + 1) * ((BW - 1) * SW + (KW - 1) * DW + 1)];
            for (int i = 0; i < (BH - 1) * SH + (KH - 1) * DH + 1; i++)
                for (int j = 0; j < (BW - 1) * SW + (KW - 1) * DW + 1; j++)
                    win[i * ((BW - 1) * SW + (KW - 1) * DW + 1) + j] = x_tap(i - PT, j - PL);
            for (int a = 0; a < KH; a++)
                for (int b = 0; b < KW; b++) {
                    mat4 m = weights(a * KW + b);
                    for (int i = 0; i < BH; i++)
                        for (int j = 0; j < BW; j++)
                            y[i * BW + j] += m * win[(i * SH + a * DH) * ((BW - 1) * SW + (KW - 1) * DW + 1) + j * SW + b * DW];
                }
            x_next();
            weights_next();
        }
    }
#ifdef HAS_residual
    residual_seek(n, h, w, c / 4);
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) y[i * BW + j] += residual_tap(i, j);
#endif
    for (int i = 0; i < BLOCK; i++) y[i] = activate(y[i]);
}
