// The pixels of up to four images woven together: image k has those at row k / SW and column k % SW of each SH x SW tile.
#pragma glnn input x0 x1
#pragma glnn optional x2 x3
#pragma glnn param SH SW
vec4 kernel(int n, int h, int w, int c) {
    int i = idiv(h, SH), j = idiv(w, SW);
    int k = (h - i * SH) * SW + w - j * SW;
#ifdef HAS_x3
    if (k == 3) return x3(n, i, j, c);
#endif
#ifdef HAS_x2
    if (k == 2) return x2(n, i, j, c);
#endif
    if (k == 1) return x1(n, i, j, c);
    return x0(n, i, j, c);
}
