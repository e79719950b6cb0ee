// Transposed convolution: tap (a, b) meets the output pixels whose distance from it is a multiple of the stride.
#pragma glnn input x
#pragma glnn matrix weights
#pragma glnn vector bias
#pragma glnn const KH KW SH SW DH DW PT PL
vec4 kernel(int n, int h, int w, int c) {
    vec4 y = bias(0, c / 4);
    for (int a = 0; a < KH; a++) {
        int i = idiv(h + PT - a * DH, SH);
        if (i < 0 || i >= x_H || i * SH != h + PT - a * DH) continue;
        for (int b = 0; b < KW; b++) {
            int j = idiv(w + PL - b * DW, SW);
            if (j < 0 || j >= x_W || j * SW != w + PL - b * DW) continue;
            for (int g = 0; g < x_G; g++) y += weights(a * KW + b, g, c / 4) * x(n, i, j, 4 * g);
        }
    }
    return y;
}
