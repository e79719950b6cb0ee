// Largest of a KH x KW window, for BH x BW pixels at once; taps outside the image do not count, NaN wins.
#pragma glnn input x
#pragma glnn const KH KW SH SW PT PL
#pragma glnn unroll i j a b
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) {
            vec4 best = vec4(0.0);
            bool found = false;
            for (int a = 0; a < KH; a++)
                for (int b = 0; b < KW; b++)
                    if (x_inside(i * SH + a - PT, j * SW + b - PL)) {
                        vec4 v = x_tap(i * SH + a - PT, j * SW + b - PL, c / 4);
                        best = found ? larger4(best, v) : v;
                        found = true;
                    }
            y[i * BW + j] = best;
        }
}
