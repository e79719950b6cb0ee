// Softmax over the channels, or its logarithm (LOG).
#pragma glnn input x
#pragma glnn const LOG
// exp of a number up to 0 whatever the driver's exp does with -inf and NaN.
float power(float v) { return v < -87.0 ? 0.0 : v <= 0.0 ? exp(v) : v; }
vec4 powers(vec4 v) { return vec4(power(v.x), power(v.y), power(v.z), power(v.w)); }
vec4 kernel(int n, int h, int w, int c) {
    float top = -1e38;
    for (int g = 0; g < x_G; g++) top = max(top, max4(x_fill(n, h, w, 4 * g, -LARGE)));
    float sum = 0.0;
    for (int g = 0; g < x_G; g++) sum += sum4(powers(x_fill(n, h, w, 4 * g, -LARGE) - top));
    vec4 v = x(n, h, w, c) - top;
    if (LOG == 1) return v - log(sum);
    return powers(v) / sum;
}
