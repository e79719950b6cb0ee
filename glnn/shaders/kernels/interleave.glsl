// The pixels of up to four images woven together: image k has those at row k / SW and column k % SW of each SH x SW tile.
// In blocks of whole tiles each pixel reads its own image; elsewhere it is selected among all.
#pragma glnn input x0 x1
#pragma glnn optional x2 x3
#pragma glnn const SH SW
#pragma glnn unroll i j
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) {
            if (BH / SH * SH == BH && BW / SW * SW == BW) {
                if ((i - i / SH * SH) * SW + j - j / SW * SW == 0) y[i * BW + j] = x0_tap(i / SH, j / SW, c / 4);
                if ((i - i / SH * SH) * SW + j - j / SW * SW == 1) y[i * BW + j] = x1_tap(i / SH, j / SW, c / 4);
#ifdef HAS_x2
                if ((i - i / SH * SH) * SW + j - j / SW * SW == 2) y[i * BW + j] = x2_tap(i / SH, j / SW, c / 4);
#endif
#ifdef HAS_x3
                if ((i - i / SH * SH) * SW + j - j / SW * SW == 3) y[i * BW + j] = x3_tap(i / SH, j / SW, c / 4);
#endif
            } else {
                int p = idiv(h + i, SH), q = idiv(w + j, SW), k = (h + i - p * SH) * SW + w + j - q * SW;
                y[i * BW + j] = k == 1 ? x1(n, p, q, c) : x0(n, p, q, c);
#ifdef HAS_x2
                if (k == 2) y[i * BW + j] = x2(n, p, q, c);
#endif
#ifdef HAS_x3
                if (k == 3) y[i * BW + j] = x3(n, p, q, c);
#endif
            }
        }
}
