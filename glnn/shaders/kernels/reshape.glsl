// The same elements in row-major order. ALIGNED: both channel counts are multiples of 4, so that texels stay whole.
#pragma glnn input x
#pragma glnn const ALIGNED
vec4 kernel(int n, int h, int w, int c) {
    int pixel = (n * y_H + h) * y_W + w;
    if (ALIGNED == 1) {
        int f = pixel * y_G + c / 4;
        int q = idiv(f, x_G);
        int r = idiv(q, x_W);
        int m = idiv(r, x_H);
        return x(m, r - m * x_H, q - r * x_W, (f - q * x_G) * 4);
    }
    int f = pixel * y_C + c;
    int last = x_N * x_H * x_W * x_C - 1;
    return vec4(x_flat(f), x_flat(f < last ? f + 1 : last), x_flat(f + 1 < last ? f + 2 : last), x_flat(f + 2 < last ? f + 3 : last));
}
