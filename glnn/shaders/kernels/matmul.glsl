// Rows of a (.., M, K) times b (.., K, N), or with TURNED (.., N, K): a block is BW rows of y. Where the axes that n
// holds are broadcast, LEAD, they have sizes N1 and N2 but for the first and strides A0 to A2 in a, B0 to B2 in b.
// TAIL: b has no rows for the last lanes of a.
#pragma glnn input a b
#pragma glnn const TURNED TAIL LEAD
#pragma glnn param K0 KN N1 N2 A0 A1 A2 B0 B1 B2
#pragma glnn row
#pragma glnn unroll j
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    int an = a_N == 1 ? 0 : n, bn = b_N == 1 ? 0 : n;
    if (LEAD == 1) {
        int q = idiv(n, N2), n0 = idiv(q, N1);
        an = n0 * A0 + (q - n0 * N1) * A1 + (n - q * N2) * A2;
        bn = n0 * B0 + (q - n0 * N1) * B1 + (n - q * N2) * B2;
    }
    for (int j = 0; j < BLOCK; j++) y[j] = vec4(0.0);
    a_row(an, a_H == 1 ? 0 : h, 4 * K0);
    b_row(bn, b_H == 1 ? 0 : h, TURNED == 1 ? 4 * K0 : c);
    for (int g = K0; g < K0 + KN; g++) {
        int k = TURNED == 1 ? c : 4 * g;
        vec4 b0 = b_col(k), b1 = b_col(k + 1), b2 = b_col(k + 2), b3 = b_col(k + 3);
        if (TAIL == 1) {
            b1 = only(k + 1 < b_W, b1);
            b2 = only(k + 2 < b_W, b2);
            b3 = only(k + 3 < b_W, b3);
        }
        mat4 m = mat4(b0, b1, b2, b3);
        if (TURNED == 1) m = mat4(b0.x, b1.x, b2.x, b3.x, b0.y, b1.y, b2.y, b3.y, b0.z, b1.z, b2.z, b3.z, b0.w, b1.w, b2.w, b3.w);
        for (int j = 0; j < BLOCK; j++) y[j] += m * a_col(w + j);
        a_down();
        if (TURNED == 1) b_down();
    }
}
