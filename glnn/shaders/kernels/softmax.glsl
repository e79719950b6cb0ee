// Softmax over the channels, or its logarithm (LOG). Lanes past the last channel hold the least number; where no channel
// holds more, they count as 1 each in the sum.
#pragma glnn input x
#pragma glnn const LOG
vec4 kernel(int n, int h, int w, int c) {
    float top = -LARGE;
    for (int g = 0; g < x_G; g++) top = max(top, max4(x_fill(n, h, w, 4 * g, -LARGE)));
    float sum = 0.0;
    for (int g = 0; g < x_G; g++) sum += sum4(powers(x_fill(n, h, w, 4 * g, -LARGE) - top));
    sum -= top > -LARGE ? 0.0 : float(4 * x_G - x_C);
    vec4 v = x(n, h, w, c) - top;
    if (LOG == 1) return v - log(sum);
    return powers(v) / sum;
}
#pragma glnn test sums_to_one: x = 8 * normal(3, 4, 9), LOG = 0 expect exp(x) / sum(exp(x), axis=-1, keepdims=1) as float32, rgba8
#pragma glnn test no_overflow: x = [[1000, 1000, 999]], LOG = 1 expect [[0, 0, -1]] - log(2 + exp(-1)) as float32, rgba8
