// What each channel has above the threshold (sparsemax_threshold).
#pragma glnn input x threshold
// Not `v < 0.0 ? 0.0 : v`, which drivers turn into max and so lose NaN.
float above(float v) { return v > 0.0 ? v : v <= 0.0 ? 0.0 : v + v; }
vec4 kernel(int n, int h, int w, int c) {
    vec4 t = threshold(n, h, w, 0);
    vec4 v = x(n, h, w, c) - t.x - t.y;
    return vec4(above(v.x), above(v.y), above(v.z), above(v.w));
}
