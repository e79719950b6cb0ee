// Rows of a (.., M, K) times b (.., K, N), or with TURNED (.., N, K), by tiles of products that stay within a matrix. LEAD
// and the sizes and strides of broadcast axes are those of kernels/matmul.glsl. HEADS: the matrices lie one after another
// along channels, HG groups each: those of a and b (1), or those of b and of what is made, while a has them apart (2).
#pragma glnn input a b
#pragma glnn const TURNED LEAD HEADS
#pragma glnn param N1 N2 A0 A1 A2 B0 B1 B2 HG
#define INNER (HEADS == 1 ? HG : a_G)
#define TAPS 1
int row, first, head = 0, an, bn, ah, bh, aw;
void tile_at(int tile) {
    int across = (y_GW + MT - 1) / MT;
    row = tile / across;
    first = (tile - row * across) * MT;
}
void tile_pixel(int m) { y_row(row, first + m); }
void left_place() {
    int n = y_n;
    an = a_N == 1 ? 0 : n;
    bn = b_N == 1 ? 0 : n;
    if (LEAD == 1) {
        int q = n / N2, n0 = q / N1;
        an = n0 * A0 + (q - n0 * N1) * A1 + (n - q * N2) * A2;
        bn = n0 * B0 + (q - n0 * N1) * B1 + (n - q * N2) * B2;
    }
    an = y_live ? an : -1;
    bn = y_n < y_GN ? bn : -1;
    ah = a_H == 1 ? 0 : y_h;
    bh = b_H == 1 ? 0 : y_h;
    aw = y_w;
    if (HEADS > 0) {
        an = y_live ? (HEADS == 1 ? 0 : y_h) : -1;
        ah = HEADS == 1 ? y_n : int(gl_WorkGroupID.y) / SPLIT * NTG / HG;
        bn = y_n < y_GN ? 0 : -1;
        bh = HEADS == 1 ? y_n : y_h;
        head = HEADS == 1 ? y_h * HG : 0;
    }
}
void left_tap(int tap) { a_pixel(an, ah, aw); }
vec4 left_load(int g) { return a_fetch(head + g); }
bool left_there(int g) { return g < INNER && a_has(head + g); }
void right_place(int q) {}
bool right_there(int g, int q) { return true; }
#define RIGHT vec4
vec4 right_load(int tap, int g, int q, int lane) {
    vec4 v;
    if (TURNED == 1) {
        #unroll d 4
        b_pixel(bn, bh, 4 * q + @d);
        v[@d] = g < INNER ? b_load(head + g)[lane] : 0.0;
        #end
    } else {
        b_pixel(bn, bh, 4 * g + lane);
        v = b_load(q);
    }
    return v;
}
vec4 right_value(vec4 v, int row) { return v; }
vec4 start(int q) { return vec4(0.0); }
#include product
