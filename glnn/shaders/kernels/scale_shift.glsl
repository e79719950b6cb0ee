// x * scale + shift, both per channel, for BH x BW pixels at once.
#pragma glnn input x
#pragma glnn vector scale
#pragma glnn vector shift
#pragma glnn unroll i j
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    x_seek(n, h, w, c / 4);
    scale_seek(c / 4);
    shift_seek(c / 4);
    vec4 s = scale(0), t = shift(0);
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) y[i * BW + j] = activate(x_tap(i, j) * s + t);
}
