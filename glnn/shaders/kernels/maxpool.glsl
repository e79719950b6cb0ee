// Largest of a KH x KW window, for BH x BW pixels at once; taps outside the image, if PADDED says that there are such, do
// not count, NaN wins.
#pragma glnn input x
#pragma glnn const KH KW SH SW PT PL PADDED
#pragma glnn unroll i j a b
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    bool found[BLOCK];
    for (int i = 0; i < BLOCK; i++) { y[i] = vec4(0.0); found[i] = false; }
    for (int a = 0; a < KH; a++)
        for (int i = 0; i < BH; i++)
            for (int j = 0; j < BW; j++)
                for (int b = 0; b < KW; b++)
                    if (PADDED == 0 || x_inside(i * SH + a - PT, j * SW + b - PL)) {
                        vec4 v = x_tap(i * SH + a - PT, j * SW + b - PL, c / 4);
                        bool more = PADDED == 0 ? a + b > 0 : found[i * BW + j];
                        y[i * BW + j] = more ? larger4(y[i * BW + j], v) : v;
                        found[i * BW + j] = true;
                    }
}
