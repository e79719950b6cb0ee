// The number of the channel whose rank is each output channel's number.
#pragma glnn input ranks
float found(vec4 r, float place, int i, float y) {
    float v = y;
    if (r.x == place) v = float(i);
    if (r.y == place && i + 1 < ranks_C) v = float(i + 1);
    if (r.z == place && i + 2 < ranks_C) v = float(i + 2);
    if (r.w == place && i + 3 < ranks_C) v = float(i + 3);
    return v;
}
vec4 kernel(int n, int h, int w, int c) {
    vec4 y = vec4(0.0);
    float p = float(c);
    for (int g = 0; g < ranks_G; g++) {
        vec4 r = ranks(n, h, w, 4 * g);
        y = vec4(found(r, p, 4 * g, y.x), found(r, p + 1.0, 4 * g, y.y), found(r, p + 2.0, 4 * g, y.z), found(r, p + 3.0, 4 * g, y.w));
    }
    return y;
}
#pragma glnn test numbers: ranks = [[2, 0, 3, 1, 4]] expect [[1, 3, 0, 2, 4]] as float32, rgba8
