// Convolution of BH x BW pixels at once, over KD images of a volume; also dense layers and matmul, as 1 x 1 taps over rows.
#pragma glnn input x
#pragma glnn matrix weights
#pragma glnn vector bias
#pragma glnn const VOLUME KD KH KW SH SW DH DW PT PL GU
#pragma glnn param G0 GN YD SD DD PF ED XD
#pragma glnn unroll i j a b u
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    vec4 start = bias(0, c / 4);
    for (int i = 0; i < BLOCK; i++) y[i] = start;
    for (int d = 0; d < KD; d++) {
        int image = n;
        if (VOLUME == 1) image = volume_image(n, YD, SD, d * DD - PF, ED, XD);
        if (VOLUME == 0 || image >= 0)
            for (int g = 0; g < GN; g += GU)
                for (int u = 0; u < GU; u++)
                    for (int a = 0; a < KH; a++)
                        for (int b = 0; b < KW; b++) {
                            if (BLOCK == 1) { // the tap first: with the weights before it SwiftShader compiles for ten seconds
                                vec4 v = x_tap(a * DH - PT, b * DW - PL, G0 + g + u, image);
                                y[0] += weights((d * KH + a) * KW + b, g + u, c / 4) * v;
                            } else {
                                mat4 m = weights((d * KH + a) * KW + b, g + u, c / 4);
                                for (int i = 0; i < BH; i++)
                                    for (int j = 0; j < BW; j++)
                                        y[i * BW + j] += m * x_tap(i * SH + a * DH - PT, j * SW + b * DW - PL, G0 + g + u, image);
                            }
                        }
    }
}
