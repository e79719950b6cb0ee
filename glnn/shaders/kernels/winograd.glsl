// Products between Winograd's transforms: of each of PLANES combinations of rows a convolution along them, BW pixels at once.
#pragma glnn input x
#pragma glnn matrix weights
#pragma glnn const KW PL
#pragma glnn param GI GO
#pragma glnn row
#pragma glnn unroll j b
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    for (int j = 0; j < BLOCK; j++) y[j] = vec4(0.0);
    int first = idiv(c / 4, GO) * GI;
    for (int g = 0; g < GI; g++)
        for (int b = 0; b < KW; b++) {
            mat4 m = weights(b, g, c / 4);
            for (int j = 0; j < BW; j++) y[j] += m * x_tap(0, j + b - PL, first + g);
        }
}
