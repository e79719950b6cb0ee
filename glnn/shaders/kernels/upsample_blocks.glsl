// Each pixel repeated SH times down and SW times to the right, for BH x BW pixels at once: along each axis a block covers
// whole pixels of x, or a part of one.
#pragma glnn input x
#pragma glnn const SH SW
#pragma glnn unroll i j
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) y[i * BW + j] = x_tap(i / SH, j / SW, c / 4);
}
