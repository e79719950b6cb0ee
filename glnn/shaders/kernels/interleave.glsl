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
#pragma glnn test two_in_a_row: x0 = [[[1], [2]]], x1 = [[[3], [4]]], SH = 1, SW = 2 expect [[[1], [3], [2], [4]]]
#pragma glnn test four: x0 = normal(1, 3, 2, 5), x1 = zeros((1, 3, 2, 5)), x2 = x0 + 1, x3 = x0 - 1, SH = 2, SW = 2
#pragma glnn expect reshape(transpose(reshape(stack([x0, x1, x2, x3]), (2, 2, 3, 2, 5)), (2, 0, 3, 1, 4)), (1, 6, 4, 5))
