// Softmax over the channels, or its logarithm (LOG).
#pragma glnn input x
#pragma glnn const LOG
vec4 kernel(int n, int h, int w, int c) {
    float top = -1e38;
    for (int g = 0; g < x_G; g++) top = max(top, max4(x_fill(n, h, w, 4 * g, -LARGE)));
    float sum = 0.0;
    for (int g = 0; g < x_G; g++) sum += sum4(powers(x_fill(n, h, w, 4 * g, -LARGE) - top));
    vec4 v = x(n, h, w, c) - top;
    if (LOG == 1) return v - log(sum);
    return powers(v) / sum;
}
