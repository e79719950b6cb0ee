// (x - centre) * scale + shift, all per channel, for BH x BW pixels at once.
#pragma glnn input x
#pragma glnn vector factors
#pragma glnn unroll i j
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    vec4 centre = factors(0, c / 4), scale = factors(1, c / 4), shift = factors(2, c / 4);
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) y[i * BW + j] = activate((x_tap(i, j, c / 4) - centre) * scale + shift);
}
