// The image moved down by TOP and right by LEFT pixels, zeros where it is not, for BH x BW pixels at once: padding, and
// cropping with negative numbers.
#pragma glnn input x
#pragma glnn const TOP LEFT
#pragma glnn unroll i j
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    for (int i = 0; i < BH; i++)
        for (int j = 0; j < BW; j++) y[i * BW + j] = x_tap(i - TOP, j - LEFT, c / 4);
}
#pragma glnn test pads: x = normal(2, 4, 6, 5), TOP = 1, LEFT = 3 expect pad(x, [[0, 0], [1, 0], [3, 0], [0, 0]])[:, :4, :6]
#pragma glnn test crops: x = normal(2, 4, 6, 5), TOP = -1, LEFT = -2
#pragma glnn expect pad(x[:, 1:, 2:], [[0, 0], [0, 1], [0, 2], [0, 0]])
#pragma glnn test keeps_nan: x = special(1, 5, 7, 3), TOP = 0, LEFT = 0 expect x
