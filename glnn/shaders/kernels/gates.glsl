// Dense layers beside each other, the parts of the channels of one: y[i * BW + j] is part i of the row of x at w + j.
// With GROUPS of them, each group of GO output texels of a part reads the GI input texels of its own.
#pragma glnn input x
#pragma glnn matrix weights
#pragma glnn vector bias
#pragma glnn const GROUPS
#pragma glnn param GI GO
#pragma glnn unroll i j
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    for (int i = 0; i < BH; i++) {
        vec4 start = bias(0, c / 4 + i * y_G);
        for (int j = 0; j < BW; j++) y[i * BW + j] = start;
    }
    int first = 0;
    if (GROUPS > 1) first = idiv(c / 4, GO) * GI;
    for (int g = 0; g < GI; g++) {
        vec4 v[BW];
        for (int j = 0; j < BW; j++) v[j] = x_tap(0, j, first + g);
        for (int i = 0; i < BH; i++) {
            mat4 m = weights(0, g, c / 4 + i * y_G);
            for (int j = 0; j < BW; j++) y[i * BW + j] += m * v[j];
        }
    }
}
