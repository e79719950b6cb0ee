// Convolution in groups of whole texels: an output texel reads the GI input texels of its own group of GO output texels.
#pragma glnn input x
#pragma glnn matrix weights
#pragma glnn vector bias
#pragma glnn const KH KW SH SW DH DW PT PL GI GO
vec4 kernel(int n, int h, int w, int c) {
    vec4 y = bias(0, c / 4);
    int first = idiv(c / 4, GO) * GI;
    for (int g = 0; g < GI; g++)
        for (int a = 0; a < KH; a++)
            for (int b = 0; b < KW; b++)
                y += weights(a * KW + b, g, c / 4) * x_or(n, h * SH + a * DH - PT, w * SW + b * DW - PL, 4 * (first + g), 0.0);
    return y;
}
