// Of each channel of an image the mean of a part of PART pixels of SIZE, and the mean of squares about it, as another image.
#pragma glnn input x
#pragma glnn const LANES
#pragma glnn param PART SIZE
#include together
void main() {
    begin();
    int lane = int(gl_LocalInvocationID.x), g = int(gl_WorkGroupID.y);
    y_pixel(int(gl_WorkGroupID.x));
    int n = y_live ? y_n : -1, first = y_w * PART, last = min(first + PART, SIZE);
    float share = 1.0 / float(max(last - first, 1));
    vec4 mean = vec4(0.0), off = vec4(0.0), spread = vec4(0.0);
    for (int k = first + lane; k < last; k += LANES) {
        x_pixel(n, k / x_W, k % x_W);
        mean += x_load(g) * share;
    }
    mean = added_up(mean);
    for (int k = first + lane; k < last; k += LANES) {
        x_pixel(n, k / x_W, k % x_W);
        vec4 d = x_load(g) - mean;
        off += d * share;
        spread += d * d * share;
    }
    off = added_up(off);
    spread = added_up(spread);
    if (lane == 0) {
        y_write(0, g, mean + off);
        y_write(1, g, spread);
    }
}
