// x, times its channel's slope where it is negative, for BH x BW pixels at once.
#pragma glnn input x
#pragma glnn vector slopes
#pragma glnn unroll i j
float bend(float v, float slope) { return v < 0.0 ? v * slope : v; }
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    vec4 s = slopes(0, c / 4);
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) {
            vec4 v = x_tap(i, j, c / 4);
            y[i * BW + j] = activate(vec4(bend(v.x, s.x), bend(v.y, s.y), bend(v.z, s.z), bend(v.w, s.w)));
        }
}
