// Convolution by tiles of products: pixels of the output are rows, each tap of the kernel is a run of the inner axis.
#pragma glnn input x
#pragma glnn matrix weights
#pragma glnn vector bias
#pragma glnn param KH KW SH SW DH DW PT PL
#define INNER x_G
#define TAPS (KH * KW)
int first, left_n, left_h, left_w;
void tile_at(int tile) { first = tile * MT; }
void tile_pixel(int m) { y_pixel(first + m); }
void left_place() {
    left_n = y_live ? y_n : -1;
    left_h = y_h * SH - PT;
    left_w = y_w * SW - PL;
}
void left_tap(int tap) {
    int a = tap / KW;
    x_pixel(left_n, left_h + a * DH, left_w + (tap - a * KW) * DW);
}
vec4 left_load(int g) { return x_fetch(g); }
bool left_there(int g) { return x_has(g); }
void right_place(int q) { weights_scales(min(q, y_G - 1)); }
bool right_there(int g, int q) { return g < INNER && q < y_G; }
#define RIGHT weights_texel
RIGHT right_load(int tap, int g, int q, int lane) {
    bool there = right_there(g, q);
    return weights_fetch(tap, there ? g : 0, there ? q : 0, lane);
}
vec4 right_value(RIGHT v, int row) { return weights_row(v, row); }
vec4 start(int q) { bias_seek(q); return bias(0); }
#include product
