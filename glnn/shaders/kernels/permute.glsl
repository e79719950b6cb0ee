// Element (a0, a1, a2, h, w, c) is x's element START + a0*S0 + a1*S1 + a2*S2 + h*S3 + w*S4 + c*S5 in row-major order; n
// holds a0, a1 and a2, the latter two of sizes A1 and A2. ALIGNED: texels stay whole (S5 is 1, the others multiples of 4).
// INNER, where not 0, is the size of the inner of two axes that lie along c, multiples of 4; the outer has the stride S6.
#pragma glnn input x
#pragma glnn const ALIGNED INNER
#pragma glnn param A1 A2 START S0 S1 S2 S3 S4 S5 S6
vec4 kernel(int n, int h, int w, int c) {
    int a = idiv(n, A2);
    int a0 = idiv(a, A1);
    int f = START + a0 * S0 + (a - a0 * A1) * S1 + (n - a * A2) * S2 + h * S3 + w * S4 + c * S5;
    if (INNER > 0) {
        int outer = idiv(c, INNER);
        f += outer * (S6 - INNER * S5);
    }
    if (ALIGNED == 1) {
        int g = f / 4;
        int q = idiv(g, x_G);
        int r = idiv(q, x_W);
        int m = idiv(r, x_H);
        return x(m, r - m * x_H, q - r * x_W, (g - q * x_G) * 4);
    }
    int step1 = c + 1 < y_C ? S5 : 0;
    int step2 = c + 2 < y_C ? S5 : 0;
    int step3 = c + 3 < y_C ? S5 : 0;
    return vec4(x_flat(f), x_flat(f + step1), x_flat(f + 2 * step2), x_flat(f + 3 * step3));
}
#pragma glnn test turns_a_matrix: x = normal(5, 7), ALIGNED = 0, INNER = 0, A1 = 1, A2 = 1, START = 0, S0 = 0, S1 = 0, S2 = 0, S3 = 0, S4 = 1, S5 = 7, S6 = 0
#pragma glnn expect x.T within 0 ulp
#pragma glnn test puts_heads_together: x = normal(3, 5, 8), ALIGNED = 1, INNER = 8, A1 = 1, A2 = 1, START = 0, S0 = 0, S1 = 0, S2 = 0, S3 = 0, S4 = 8, S5 = 1, S6 = 40
#pragma glnn expect reshape(transpose(x, [1, 0, 2]), [5, 24]) within 0 ulp
