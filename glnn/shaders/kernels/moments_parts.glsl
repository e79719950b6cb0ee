// Mean and mean of squares about it, as moments_space makes them, of PARTS parts of COUNT pixels each, together SIZE.
#pragma glnn input x
#pragma glnn param KEPT PARTS COUNT SIZE
vec4 part(int i, int c) {
    int q = idiv(i, x_W), r = idiv(q, x_H);
    return x(r, q - r * x_H, i - q * x_W, c);
}
vec4 kernel(int n, int h, int w, int c) {
    int p = (n * y_H + h) * y_W + w, second = idiv(p, KEPT);
    p -= second * KEPT;
    vec4 none = vec4(nothing(y_H)), base = part(p * PARTS, c), mean = none, spread = none;
    for (int k = 0; k < PARTS; k++) {
        int before = k * COUNT, after = before + COUNT < SIZE ? before + COUNT : SIZE;
        float share = float(after - before) / float(after), rest = float(before) / float(after);
        vec4 d = (part(p * PARTS + k, c) - base) - mean;
        mean += d * share;
        if (second > 0) {
            spread += (part((KEPT + p) * PARTS + k, c) + d * d * rest) * (float(after - before) / float(SIZE));
        }
    }
    return second == 0 ? base + mean : spread;
}
