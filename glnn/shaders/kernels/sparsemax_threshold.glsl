// The threshold at which what the channels have above it adds up to 1 (Martins and Astudillo 2016), plus their largest
// as the second channel: x - largest - threshold is exact. Halving finds it roughly; Newton's steps, which come from
// below and end on the very value, finish.
#pragma glnn input x
vec4 above(vec4 v) { return vec4(v.x < 0.0 ? 0.0 : v.x, v.y < 0.0 ? 0.0 : v.y, v.z < 0.0 ? 0.0 : v.z, v.w < 0.0 ? 0.0 : v.w); }
vec4 counted(vec4 v) { return vec4(v.x > 0.0 ? 1.0 : 0.0, v.y > 0.0 ? 1.0 : 0.0, v.z > 0.0 ? 1.0 : 0.0, v.w > 0.0 ? 1.0 : 0.0); }
vec4 kernel(int n, int h, int w, int c) {
    float top = -LARGE;
    for (int g = 0; g < x_G; g++) top = max(top, max4(x_fill(n, h, w, 4 * g, -LARGE)));
    float low = -1.0, span = 1.0;
    for (int k = 0; k < 16; k++) {
        float middle = k < 10 ? low + span * 0.5 : low;
        float sum = 0.0, count = 0.0;
        for (int g = 0; g < x_G; g++) {
            vec4 v = x_fill(n, h, w, 4 * g, -LARGE) - top - middle;
            sum += sum4(above(v));
            count += sum4(counted(v));
        }
        span *= 0.5;
        if (k < 10) low = sum < 1.0 ? low : middle;
        else low += (sum - 1.0) / count;
    }
    return vec4(top, low, 0.0, 0.0);
}
