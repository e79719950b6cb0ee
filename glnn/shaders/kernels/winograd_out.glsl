// Winograd's output transform F(4, 3) along the height: four rows of pixels of six combinations m. One infinity among
// six pixels makes all four of them infinite or NaN, so a block with results that are not finite is convolved plainly.
#pragma glnn input m x
#pragma glnn matrix weights
#pragma glnn vector bias
#pragma glnn param PLANES KW PT PL GI
#pragma glnn unroll i j
float factor(int p, int row) { // of combination p in a row of the tile: a power of its point
    float q = (p == 1 || p == 3 ? 0.75 : -0.75) * (p < 3 ? 1.0 : 2.0);
    if (p == 0 || p == 5) return row == (p == 0 ? 0 : 3) ? 1.0 : 0.0;
    return row == 0 ? 1.0 : row == 1 ? q : row == 2 ? q * q : q * q * q;
}

void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    vec4 start = bias(0, c / 4);
    int row = imod(h, 4);
    for (int i = 0; i < BLOCK; i++) y[i] = start;
    for (int p = 0; p < PLANES; p++)
        for (int i = 0; i < BH; i++) {
            float f = factor(p, row + i);
            for (int j = 0; j < BW; j++) y[i * BW + j] += f * m_tap(0, j, p * y_G + c / 4);
        }
    float sum = 0.0;
    for (int i = 0; i < BLOCK; i++) sum += sum4(abs(y[i]));
    for (int s = 0; s < BLOCK; s++) { // a pixel at a time: of this text machine code is made at every start
        if (sum <= LARGE) break;
        vec4 v = start;
        for (int g = 0; g < GI; g++)
            for (int a = 0; a < 3; a++)
                for (int b = 0; b < KW; b++) { // the weights of a row out of their combinations 0, 1 and 2, 5
                    mat4 k = weights(b, g, (a == 2 ? 5 : a) * y_G + c / 4);
                    if (a == 0) k = 1.265625 * k;
                    if (a == 1) k = 1.265625 * (weights(b, g, 2 * y_G + c / 4) - k);
                    v += k * x_or(n, h + idiv(s, BW) + a - PT, w + imod(s, BW) + b - PL, 4 * g, 0.0);
                }
        for (int i = 0; i < BLOCK; i++) y[i] = i == s ? v : y[i];
    }
}
