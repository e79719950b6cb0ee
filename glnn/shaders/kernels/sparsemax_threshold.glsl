// The threshold at which what the channels have above it adds up to 1 (Martins and Astudillo 2016), plus their largest
// as the second channel: x - largest - threshold is exact. Halving finds it roughly; Newton's steps, which come from
// below and end on the very value, finish.
#pragma glnn input x
vec4 above(vec4 v) { return vec4(v.x < 0.0 ? 0.0 : v.x, v.y < 0.0 ? 0.0 : v.y, v.z < 0.0 ? 0.0 : v.z, v.w < 0.0 ? 0.0 : v.w); }
vec4 counted(vec4 v) { return vec4(v.x > 0.0 ? 1.0 : 0.0, v.y > 0.0 ? 1.0 : 0.0, v.z > 0.0 ? 1.0 : 0.0, v.w > 0.0 ? 1.0 : 0.0); }
// The first `count` lanes, zero in those after them.
vec4 live(vec4 v, int count) { return vec4(v.x, count > 1 ? v.y : 0.0, count > 2 ? v.z : 0.0, count > 3 ? v.w : 0.0); }
vec4 kernel(int n, int h, int w, int c) {
    float top = -LARGE;
    for (int g = 0; g < x_G; g++) top = max(top, max4(x_fill(n, h, w, 4 * g, -LARGE)));
    float low = -1.0, span = 1.0;
    for (int k = 0; k < 16; k++) {
        float middle = k < 10 ? low + span * 0.5 : low;
        float sum = 0.0, count = 0.0;
        for (int g = 0; g < x_G; g++) {
            vec4 v = x(n, h, w, 4 * g) - top - middle;
            sum += sum4(live(above(v), x_C - 4 * g));
            count += sum4(live(counted(v), x_C - 4 * g));
        }
        span *= 0.5;
        if (k < 10) low = sum < 1.0 ? low : middle;
        else low += (sum - 1.0) / count;
    }
    return vec4(top, low, 0.0, 0.0);
}
