// Softmax over the channels (or its logarithm: LOG) from the sums of their chunks (softmax_sums).
#pragma glnn input x sums
#pragma glnn const LOG
vec4 kernel(int n, int h, int w, int c) {
    float top = -LARGE;
    for (int k = 0; k < sums_G; k++) top = max(top, sums(n, h, w, 4 * k).x);
    float sum = 0.0;
    for (int k = 0; k < sums_G; k++) {
        vec4 part = sums(n, h, w, 4 * k);
        sum += part.y * power(part.x - top);
    }
    vec4 v = x(n, h, w, c) - top;
    if (LOG == 1) return v - log(sum);
    return powers(v) / sum;
}
