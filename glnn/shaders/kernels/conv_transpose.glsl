// Transposed convolution: tap (a, b) meets the output pixels whose distance from it is a multiple of the stride.
#pragma glnn input x
#pragma glnn matrix weights
#pragma glnn vector bias
#pragma glnn const VOLUME KD KH KW SH SW DH DW PT PL
#pragma glnn param YD SD DD PF ED XD
vec4 kernel(int n, int h, int w, int c) {
    vec4 y = bias(0, c / 4);
    int image = n;
    for (int d = 0; d < KD; d++) {
        if (VOLUME == 1) image = volume_image(n, YD, SD, d * DD - PF, ED, XD);
        for (int a = 0; a < KH; a++) {
            int i = idiv(h + PT - a * DH, SH);
            if (image < 0 || i < 0 || i >= x_H || i * SH != h + PT - a * DH) continue;
            for (int b = 0; b < KW; b++) {
                int j = idiv(w + PL - b * DW, SW);
                if (j < 0 || j >= x_W || j * SW != w + PL - b * DW) continue;
                for (int g = 0; g < x_G; g++) y += weights((d * KH + a) * KW + b, g, c / 4) * x(image, i, j, 4 * g);
            }
        }
    }
    return y;
}
