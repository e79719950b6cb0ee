// For each channel the mean of the SIZE channels of its group. Means are added up as means of 32, whose sum no values
// overflow, in partial sums that keep the rounding small.
#pragma glnn input x
#pragma glnn param SIZE
float of_group(int n, int h, int w, int c) {
    int first = idiv(c, SIZE) * SIZE, count = 0;
    float share = 32.0 / float(SIZE), none = nothing(y_H), total = none, part = none;
    for (int k = 0; k < SIZE; k++) {
        if (first + k >= x_C) break;  // lanes past the last channel
        part += none + x_at(n, h, w, first + k) * 0.03125;
        count += 1;
        if (count == 32) { total += part * share; part = none; count = 0; }
    }
    return total + part * share;
}
vec4 kernel(int n, int h, int w, int c) {
    return vec4(of_group(n, h, w, c), of_group(n, h, w, c + 1), of_group(n, h, w, c + 2), of_group(n, h, w, c + 3));
}
#pragma glnn test pairs: x = [[1, 3, 10, 20, 5, 7]], SIZE = 2 expect [[2, 2, 15, 15, 6, 6]]
#pragma glnn test no_overflow: x = full((2, 80), 3e38), SIZE = 40 expect 3e38 as float32
