// How many channels come before each in order: those that are larger (LARGEST 0: less), and equal ones with a lower
// number. NaN counts as the largest of all.
#pragma glnn input x
#pragma glnn const LARGEST
float before(float u, float v, int i, int j) {
    bool nan_u = u != u, nan_v = v != v;
    bool same = u == v || (nan_u && nan_v);
    bool less = LARGEST == 1 ? v < u || (nan_u && !nan_v) : u < v || (nan_v && !nan_u);
    return (less && !same || same && i < j) && i < x_C ? 1.0 : 0.0;
}
float counted(vec4 u, float v, int i, int j) {
    return before(u.x, v, i, j) + before(u.y, v, i + 1, j) + before(u.z, v, i + 2, j) + before(u.w, v, i + 3, j);
}
vec4 kernel(int n, int h, int w, int c) {
    vec4 v = x(n, h, w, c), y = vec4(0.0);
    for (int g = 0; g < x_G; g++) {
        vec4 u = x(n, h, w, 4 * g);
        y += vec4(counted(u, v.x, 4 * g, c), counted(u, v.y, 4 * g, c + 1), counted(u, v.z, 4 * g, c + 2), counted(u, v.w, 4 * g, c + 3));
    }
    return y;
}
#pragma glnn test largest_first: x = [[3, 1, 4, 1, 5]], LARGEST = 1 expect [[2, 3, 1, 4, 0]] as float32, rgba8
#pragma glnn test least_first: x = [[3, 1, 4, 1, 5]], LARGEST = 0 expect [[2, 0, 3, 1, 4]] as float32, rgba8
#pragma glnn test nan_is_largest: x = [[inf, nan, 1, nan]], LARGEST = 1 expect [[2, 0, 3, 1]] as float32, rgba8
#pragma glnn test sorts: x = normal(3, 21), LARGEST = 0 expect argsort(argsort(x, axis=1), axis=1) as float32, rgba8
