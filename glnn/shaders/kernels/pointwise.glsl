// The fused activation alone, for BH x BW pixels at once.
#pragma glnn input x
#pragma glnn unroll i j
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) y[i * BW + j] = activate(x_tap(i, j, c / 4));
}
