// The mean of each pixel's channels, and in the second HALF of the images the mean of squares about it, added up as in
// moments_space; of 8 groups at a time.
#pragma glnn input x
#pragma glnn param HALF GROUPS
vec4 kernel(int n, int h, int w, int c) {
    int second = n >= HALF ? 1 : 0, image = n - second * HALF, waiting = 0;
    float none = nothing(y_H), base = x(image, h, w, 0).x, mean = none, spread = none, sum = none, squares = none;
    for (int g = 0; g < GROUPS; g++) {
        int c0 = 4 * g;
        vec4 d = (x(image, h, w, c0) - base) - mean;
        if (g == x_G - 1) d = vec4(d.x, c0 + 1 < x_C ? d.y : 0.0, c0 + 2 < x_C ? d.z : 0.0, c0 + 3 < x_C ? d.w : 0.0);
        sum += none + d.x * 0.03125 + d.y * 0.03125 + d.z * 0.03125 + d.w * 0.03125;
        squares += none + d.x * d.x * 0.03125 + d.y * d.y * 0.03125 + d.z * d.z * 0.03125 + d.w * d.w * 0.03125;
        waiting += 1;
        if (waiting == 8 || g == GROUPS - 1) {
            float count = float(c0 + 4 < x_C ? c0 + 4 : x_C), share = 32.0 / count;
            mean += sum * share;
            spread += (squares < LARGE ? squares - sum * sum * share : squares) * (32.0 / float(x_C));
            sum = none;
            squares = none;
            waiting = 0;
        }
    }
    return vec4(second == 0 ? base + mean : spread, 0.0, 0.0, 0.0);
}
