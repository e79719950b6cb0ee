// p, then q along AXIS of (n, h, w, c). ALIGNED: p's channels are a multiple of 4, so that no texel mixes the two.
#pragma glnn input p q
#pragma glnn const AXIS ALIGNED
float pick(int n, int h, int w, int c) {
    if (c < p_C) return p_at(n, h, w, c);
    return c < y_C ? q_at(n, h, w, c - p_C) : 0.0;
}
vec4 kernel(int n, int h, int w, int c) {
    if (AXIS == 3 && ALIGNED == 0) return vec4(pick(n, h, w, c), pick(n, h, w, c + 1), pick(n, h, w, c + 2), pick(n, h, w, c + 3));
    int at = AXIS == 0 ? n : AXIS == 1 ? h : AXIS == 2 ? w : c;
    int size = AXIS == 0 ? p_N : AXIS == 1 ? p_H : AXIS == 2 ? p_W : p_C;
    if (at < size) return p(n, h, w, c);
    return q(AXIS == 0 ? n - size : n, AXIS == 1 ? h - size : h, AXIS == 2 ? w - size : w, AXIS == 3 ? c - size : c);
}
