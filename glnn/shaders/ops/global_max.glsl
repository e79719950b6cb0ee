// Largest over the image, NaN wins. The output is (N, C) or (N, 1, 1, C): n + w is the image's number in both.
#pragma glnn input x
float larger(float best, float v) { return v > best || v != v ? v : best; }
vec4 larger4(vec4 best, vec4 v) {
    return vec4(larger(best.x, v.x), larger(best.y, v.y), larger(best.z, v.z), larger(best.w, v.w));
}
vec4 kernel(int n, int h, int w, int c) {
    vec4 best = x(n + w, 0, 0, c);
    for (int i = 0; i < x_H; i++)
        for (int j = 0; j < x_W; j++) best = larger4(best, x(n + w, i, j, c));
    return best;
}
