// The image moved down by TOP and right by LEFT pixels, zeros where it is not: padding, and cropping with negative numbers.
#pragma glnn input x
#pragma glnn param TOP LEFT
vec4 kernel(int n, int h, int w, int c) { return x_or(n, h - TOP, w - LEFT, c, 0.0); }
