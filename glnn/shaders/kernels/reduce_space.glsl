// The sum (KIND 0), mean (1), largest (2), smallest (3) or product (4) of ROWS x COUNT pixels: from a first one, in
// steps of STEP and STRIDE pixels in row-major order. The first follows from the output's pixel: axes of sizes A0 to A4,
// S0 to S4 apart. With PARTS the last of these counts parts of SIZE pixels, COUNT each, and the last part may be shorter.
// Means are added up as means of 32, whose sum no values overflow, in partial sums that keep the rounding small; halves
// of these are what is added, as rounding may carry the sum beyond the largest of its values.
#pragma glnn input x
#pragma glnn const KIND PARTS
#pragma glnn param A1 A2 A3 A4 S0 S1 S2 S3 S4 ROWS STEP COUNT STRIDE SIZE
vec4 kernel(int n, int h, int w, int c) {
    int p = (n * y_H + h) * y_W + w;
    int a3 = idiv(p, A4), a2 = idiv(a3, A3), a1 = idiv(a2, A2), a0 = idiv(a1, A1);
    int first = a0 * S0 + (a1 - a0 * A1) * S1 + (a2 - a1 * A2) * S2 + (a3 - a2 * A3) * S3 + (p - a3 * A4) * S4;
    int left = SIZE - (p - a3 * A4) * COUNT;
    float share = KIND == 1 ? 16.0 / float(SIZE) : 1.0;
    vec4 none = vec4(nothing(y_H)), total = none, part = none;
    int count = 0;
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COUNT; j++) {
            if (PARTS == 1) { if (j >= left) break; }
            int at = first + i * STEP + j * STRIDE;
            int q = idiv(at, x_W), r = idiv(q, x_H);
            vec4 v = x(r, q - r * x_H, at - q * x_W, c);
            if (KIND == 4) {
                total = i + j == 0 ? v : total * v;
            } else if (KIND >= 2) {
                total = i + j == 0 ? v : KIND == 2 ? larger4(total, v) : -larger4(-total, -v);
            } else {
                part += KIND == 1 ? v * 0.03125 : v;
                count += 1;
                if (count == 32) { total += part * share; part = none; count = 0; }
            }
        }
    if (KIND >= 2) return total;
    vec4 y = total + part * share;
    return KIND == 1 ? vec4(doubled(y.x), doubled(y.y), doubled(y.z), doubled(y.w)) : y;
}
