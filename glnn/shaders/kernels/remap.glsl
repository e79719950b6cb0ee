// Any axis of x along any axis of the output: element i of axis k lies at floor((i * M + P) / D) of an axis of N elements
// that are S apart. E says what is read beyond its ends: 0 nothing is, 1 zero, 2 the end, 3 mirrored at the end, 4 from
// the other end, 5 zero, and where the division leaves a rest too. n holds axes 0, 1 and 2, the latter of sizes A1, A2.
// WHOLE: the channels stay as they are, and S counts pixels.
#pragma glnn input x
#pragma glnn const WHOLE
#pragma glnn param A1 A2 M0 M1 M2 M3 M4 M5 P0 P1 P2 P3 P4 P5 D0 D1 D2 D3 D4 D5
#pragma glnn param E0 E1 E2 E3 E4 E5 N0 N1 N2 N3 N4 N5 S0 S1 S2 S3 S4 S5
int far(int at, int D, int E, int N) {
    int p = idiv(at, D);
    if (E == 2) return p < 0 ? 0 : p < N ? p : N - 1;
    if (E == 4) return imod(p, N);
    if (E == 3) {
        int turn = N > 1 ? 2 * (N - 1) : 1;
        p = imod(p < 0 ? -p : p, turn);
        return p < N ? p : turn - p;
    }
    return p < 0 || p >= N || (E == 5 && p * D != at) ? -1 : p;
}
float at(int first, int c) {
    int p = far(c * M5 + P5, D5, E5, N5);
    return first < 0 || p < 0 || c >= y_C ? 0.0 : x_flat(first + p * S5);
}
vec4 kernel(int n, int h, int w, int c) {
    int b = idiv(n, A2), a = idiv(b, A1);
    int p0 = far(a * M0 + P0, D0, E0, N0), p1 = far((b - a * A1) * M1 + P1, D1, E1, N1);
    int p2 = far((n - b * A2) * M2 + P2, D2, E2, N2), p3 = far(h * M3 + P3, D3, E3, N3), p4 = far(w * M4 + P4, D4, E4, N4);
    bool live = p0 >= 0 && p1 >= 0 && p2 >= 0 && p3 >= 0 && p4 >= 0;
    int first = live ? p0 * S0 + p1 * S1 + p2 * S2 + p3 * S3 + p4 * S4 : -1;
    if (WHOLE == 1) {
        int q = idiv(first, x_W), r = idiv(q, x_H);
        return only(live, x(live ? r : 0, live ? q - r * x_H : 0, live ? first - q * x_W : 0, c));
    }
    return vec4(at(first, c), at(first, c + 1), at(first, c + 2), at(first, c + 3));
}
