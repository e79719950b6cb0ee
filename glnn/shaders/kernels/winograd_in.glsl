// Winograd's input transform F(4, 3) along the height: of each six rows of pixels six combinations, which lie one after
// the other in the channels. A combination is of TERMS rows at most, the product of (x - r) for the other points r.
#pragma glnn input x
#pragma glnn param PT TERMS
#pragma glnn row
#pragma glnn unroll j
const float A = 0.5625; // the squares of the points +-3/4 and +-3/2
const float B = 2.25;
float factor(int p, int k) {
    if (p == 0 || p == 5) return k == 0 ? A * B : k == 1 ? -A - B : k == 2 ? 1.0 : 0.0;
    float q = (p == 1 || p == 3 ? 0.75 : -0.75) * (p < 3 ? 1.0 : 2.0), o = p < 3 ? B : A;
    return k == 0 ? -q * o : k == 1 ? -o : k == 2 ? q : 1.0;
}

void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    int p = idiv(c / 4, x_G);
    int g = c / 4 - p * x_G;
    for (int j = 0; j < BLOCK; j++) y[j] = vec4(0.0);
    for (int k = 0; k < TERMS; k++) {
        int row = p == 0 ? 2 * k : p == 5 ? 2 * k + 1 : k + 1;
        float f = factor(p, k);
        for (int j = 0; j < BW; j++) y[j] += f * x_tap(row - PT, j, g);
    }
}
