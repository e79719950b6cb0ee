// p * PS op q * QS for BH x BW pixels at once; OP is numbered in primitives/map.py.
// An input that has one element along an axis is read there again and again: its constant for that axis is 0, else 1.
#pragma glnn input p q
#pragma glnn const OP PS QS PH PW PC QH QW QC
#pragma glnn param PN QN
#pragma glnn unroll i j
// Where neither compares, one is NaN: their sum is, too.
float combine(float u, float v) {
    if (OP == 0) return u + v;
    if (OP == 1) return u - v;
    if (OP == 2) return u * v;
    if (OP == 3) return u / v;
    if (OP == 4) return u > v ? u : u <= v ? v : u + v;
    if (OP == 5) return u < v ? u : u >= v ? v : u + v;
    if (OP == 6) return u < 0.0 ? u * v : u;
    return nothing(y_H) + u + v;
}
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    p_seek(n * PN, h, w, c / 4 * PC);
    q_seek(n * QN, h, w, c / 4 * QC);
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) {
            vec4 u = p_tap(i * PH, j * PW) * PS, v = q_tap(i * QH, j * QW) * QS;
            if (PC == 0) u = u.xxxx;
            if (QC == 0) v = v.xxxx;
            u = vec4(combine(u.x, v.x), combine(u.y, v.y), combine(u.z, v.z), combine(u.w, v.w));
            y[i * BW + j] = activate(u);
        }
}
