// Convolution in groups of any size, CI input and CO output channels each: every lane reads the channels of its own group, of GROUPS in turn.
#pragma glnn input x
#pragma glnn input weights
#pragma glnn vector bias
#pragma glnn const VOLUME KD KH KW SH SW DH DW PT PL CI CO GROUPS
#pragma glnn param YD SD DD PF ED XD
int first_channel(int c) { return imod(idiv(c < y_C ? c : y_C - 1, CO), GROUPS) * CI; }

vec4 kernel(int n, int h, int w, int c) {
    vec4 y = bias(0, c / 4);
    int p = first_channel(c), q = first_channel(c + 1), r = first_channel(c + 2), s = first_channel(c + 3), m = n;
    for (int d = 0; d < KD; d++) {
        if (VOLUME == 1) m = volume_image(n, YD, SD, d * DD - PF, ED, XD);
        for (int a = 0; a < KH; a++)
            for (int b = 0; b < KW; b++) {
                int i = h * SH + a * DH - PT, j = w * SW + b * DW - PL;
                if (m >= 0 && i >= 0 && j >= 0 && i < x_H && j < x_W)
                    for (int k = 0; k < CI; k++)
                        y += weights(0, (d * KH + a) * KW + b, k, c)
                            * vec4(x_at(m, i, j, p + k), x_at(m, i, j, q + k), x_at(m, i, j, r + k), x_at(m, i, j, s + k));
            }
    }
    return y;
}
