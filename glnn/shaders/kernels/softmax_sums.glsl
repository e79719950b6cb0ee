// For each chunk of CHUNK groups of channels: the largest, and the sum of exp(x - largest). Four output channels a chunk.
#pragma glnn input x
#pragma glnn param CHUNK
vec4 kernel(int n, int h, int w, int c) {
    int first = c / 4 * CHUNK;
    float top = -LARGE;
    for (int k = 0; k < CHUNK; k++)
        if (first + k < x_G) top = max(top, max4(x_fill(n, h, w, 4 * (first + k), -LARGE)));
    float sum = 0.0;
    for (int k = 0; k < CHUNK; k++)
        if (first + k < x_G) sum += sum4(powers(x_fill(n, h, w, 4 * (first + k), -LARGE) - top));
    sum -= top > -LARGE || first + CHUNK < x_G ? 0.0 : float(4 * x_G - x_C);  // as in softmax
    return vec4(top, sum, 0.0, 0.0);
}
