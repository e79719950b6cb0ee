// Convolution in groups of whole texels: an output texel reads the GI input texels of its own group of GO output texels.
// There are GROUPS of them in the input; what has more goes through them again.
#pragma glnn input x
#pragma glnn matrix weights
#pragma glnn vector bias
#pragma glnn const VOLUME KD KH KW SH SW DH DW PT PL GI GO GROUPS
#pragma glnn param YD SD DD PF ED XD
vec4 kernel(int n, int h, int w, int c) {
    vec4 y = bias(0, c / 4);
    int first = imod(idiv(c / 4, GO), GROUPS) * GI, image = n;
    for (int d = 0; d < KD; d++) {
        if (VOLUME == 1) image = volume_image(n, YD, SD, d * DD - PF, ED, XD);
        if (VOLUME == 0 || image >= 0)
            for (int g = 0; g < GI; g++)
                for (int a = 0; a < KH; a++)
                    for (int b = 0; b < KW; b++)
                        y += weights((d * KH + a) * KW + b, g, c / 4)
                            * x_or(image, h * SH + a * DH - PT, w * SW + b * DW - PL, 4 * (first + g), 0.0);
    }
    return y;
}
