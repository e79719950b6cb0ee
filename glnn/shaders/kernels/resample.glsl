// One axis of x (AXIS 2 w, 1 h, 0 the last of those in n, of size SIZE) in another size OUT: each element is a sum of T
// neighbours. Row o of the table has the number of the first one, then their weights. POSITIVE: no weight is negative,
// so that the sum of finite values is finite, whatever rounding makes of it.
#pragma glnn input x table
#pragma glnn const AXIS POSITIVE
#pragma glnn param T OUT SIZE
float bounded(float v, float most) {
    return most <= LARGE ? (v > LARGE ? LARGE : v < -LARGE ? -LARGE : v) : v;
}
vec4 kernel(int n, int h, int w, int c) {
    int m = AXIS == 0 ? idiv(n, OUT) : n;
    int o = AXIS == 0 ? n - m * OUT : AXIS == 1 ? h : w;
    int first = int(table_at(0, 0, o, 0) + 0.5);
    vec4 y = vec4(0.0), most = vec4(0.0);
    for (int k = 0; k < T; k++) {
        float s = table_at(0, 0, o, k + 1);
        vec4 v = AXIS == 0 ? x(m * SIZE + first + k, h, w, c) : AXIS == 1 ? x(n, first + k, w, c) : x(n, h, first + k, c);
        y += s == 0.0 ? vec4(0.0) : s * v;
        most = s == 0.0 ? most : larger4(most, abs(v));
    }
    if (POSITIVE == 1) y = vec4(bounded(y.x, most.x), bounded(y.y, most.y), bounded(y.z, most.z), bounded(y.w, most.w));
    return y;
}
