// Convolution in groups of whole texels, of BH x BW pixels at once: an output texel reads the GI input texels of its own
// group of GO output texels. There are GROUPS of them in the input; what has more goes through them again.
#pragma glnn input x
#pragma glnn matrix weights
#pragma glnn vector bias
#pragma glnn const VOLUME KD KH KW SH SW DH DW PT PL GI GO GROUPS
#pragma glnn param YD SD DD PF ED XD
#pragma glnn unroll i j a b
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    vec4 start = bias(0, c / 4);
    for (int i = 0; i < BLOCK; i++) y[i] = start;
    int first = imod(idiv(c / 4, GO), GROUPS) * GI;
    for (int d = 0; d < KD; d++) {
        int image = n;
        if (VOLUME == 1) image = volume_image(n, YD, SD, d * DD - PF, ED, XD);
        if (VOLUME == 0 || image >= 0)
            for (int g = 0; g < GI; g++)
                for (int a = 0; a < KH; a++)
                    for (int b = 0; b < KW; b++) {
                        if (BLOCK == 1) { // the tap first, as in conv.glsl
                            vec4 v = x_tap(a * DH - PT, b * DW - PL, first + g, image);
                            y[0] += weights((d * KH + a) * KW + b, g, c / 4) * v;
                        } else {
                            mat4 m = weights((d * KH + a) * KW + b, g, c / 4);
                            for (int i = 0; i < BH; i++)
                                for (int j = 0; j < BW; j++)
                                    y[i * BW + j] += m * x_tap(i * SH + a * DH - PT, j * SW + b * DW - PL, first + g, image);
                        }
                    }
    }
}
