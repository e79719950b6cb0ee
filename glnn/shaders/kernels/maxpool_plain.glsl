// Largest of a KH x KW window, with real loops. A tap outside the image is moved to its border, which is inside the window.
#pragma glnn input x
#pragma glnn param KH KW SH SW PT PL
int inside(int i, int size) { return i < 0 ? 0 : (i < size ? i : size - 1); }

vec4 kernel(int n, int h, int w, int c) {
    vec4 best = x(n, inside(h * SH - PT, x_H), inside(w * SW - PL, x_W), c);
    for (int a = 0; a < KH; a++)
        for (int b = 0; b < KW; b++)
            best = larger4(best, x(n, inside(h * SH + a - PT, x_H), inside(w * SW + b - PL, x_W), c));
    return best;
}
