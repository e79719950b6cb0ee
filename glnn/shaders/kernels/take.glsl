// The table's elements at places that numbers say. The table is seen as (A, R, B), the output as (A, I, B); the R rows
// have K axes of sizes N0, N1, .. FORM: 0: I numbers; 1: a number for each element; 2: (A, I, K) numbers.
// MODE: what is no row: 0 NaN, negative ones from the end; 1 the nearest; 2 counted round; 3 as 0 and then as 1.
// WHOLE: texels stay whole, and B counts pixels.
#pragma glnn input table places
#pragma glnn const FORM MODE K WHOLE
#pragma glnn param I B R N0 N1 N2 N3 N4
#pragma glnn unroll k
int row(float number, int size) {
    float most = float(size);
    if (number != number) return -1;
    float v = number < -16777215.0 ? -16777215.0 : number > 16777215.0 ? 16777215.0 : number;
    int i = int(v);
    if (MODE == 2) return imod(i, size);
    i = MODE != 1 && i < 0 ? i + size : i;
    if (MODE == 0) return i >= 0 && i < size ? i : -1;
    return i < 0 ? 0 : i < size ? i : size - 1;
}
// Of the output's element or pixel f in (A, I, B): the table's, -1 where there is none.
int source(int f) {
    int q = idiv(f, B);
    int a = idiv(q, I);
    int first = FORM == 0 ? q - a * I : FORM == 1 ? f : q * K;
    int r = 0;
    bool there = true;
    for (int k = 0; k < K; k++) {
        int size = k == 0 ? N0 : k == 1 ? N1 : k == 2 ? N2 : k == 3 ? N3 : N4;
        int i = row(places_flat(first + k), size);
        there = there && i >= 0;
        r = r * size + i;
    }
    return there ? (a * R + r) * B + f - q * B : -1;
}
float missing(int f) { return sqrt(-2.0 - float(f)); }
float at(int f) {
    int s = source(f);
    float v = table_flat(s < 0 ? 0 : s);
    return s < 0 ? missing(f) : v;
}
vec4 kernel(int n, int h, int w, int c) {
    int pixel = (n * y_H + h) * y_W + w;
    if (WHOLE == 1) {
        int s = source(pixel), p = s < 0 ? 0 : s;
        int q = idiv(p, table_W), m = idiv(q, table_H);
        vec4 v = table(m, q - m * table_H, p - q * table_W, c);
        return s < 0 ? vec4(missing(pixel)) : v;
    }
    int f = pixel * y_C + c;
    int last = (pixel + 1) * y_C - 1;
    return vec4(at(f), at(f < last ? f + 1 : last), at(f + 1 < last ? f + 2 : last), at(f + 2 < last ? f + 3 : last));
}
