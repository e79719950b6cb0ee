// Of moments by channel, as moments_space makes them, those of groups of SIZE channels, each where its channels are.
#pragma glnn input x
#pragma glnn param HALF SIZE
float of_group(int image, int second, int h, int w, int c) {
    int first = idiv(c, SIZE) * SIZE;
    float none = nothing(y_H), base = x_at(image, h, w, first), mean = none, spread = none;
    for (int k = 0; k < SIZE; k++) {
        if (first + k >= x_C) break;  // lanes past the last channel
        float share = 1.0 / float(k + 1), rest = float(k) / float(k + 1), d = (x_at(image, h, w, first + k) - base) - mean;
        mean += d * share;
        if (second > 0) {
            spread += (x_at(image + HALF, h, w, first + k) + d * d * rest) / float(SIZE);
        }
    }
    return second == 0 ? base + mean : spread;
}
vec4 kernel(int n, int h, int w, int c) {
    int second = n >= HALF ? 1 : 0, image = n - second * HALF;
    return vec4(of_group(image, second, h, w, c), of_group(image, second, h, w, c + 1), of_group(image, second, h, w, c + 2), of_group(image, second, h, w, c + 3));
}
