// Softmax over the channels of each pixel, or its logarithm (LOG), by LANES invocations; see kernels/softmax.glsl.
#pragma glnn input x
#pragma glnn const LANES LOG
#include together
vec4 filled(int g) {
    vec4 v = x_load(g);
    return vec4(v.x, 4 * g + 1 < x_C ? v.y : -LARGE, 4 * g + 2 < x_C ? v.z : -LARGE, 4 * g + 3 < x_C ? v.w : -LARGE);
}
void main() {
    begin();
    int id = int(gl_LocalInvocationID.x), lane = id % LANES;
    y_pixel(int(gl_WorkGroupID.x) * (INVOCATIONS / LANES) + id / LANES);
    x_pixel(y_live ? y_n : -1, y_h, y_w);
    vec4 top = vec4(-LARGE), sum = vec4(0.0);
    for (int g = lane; g < x_G; g += LANES) top = max(top, filled(g));
    top = vec4(max4(largest(top)));
    for (int g = lane; g < x_G; g += LANES) sum += powers(filled(g) - top);
    float total = sum4(added_up(sum)) - (top.x > -LARGE ? 0.0 : float(4 * x_G - x_C));
    y_seek();
    for (int g = lane; g < x_G; g += LANES) {
        vec4 v = x_load(g) - top;
        y_write(0, g, LOG == 1 ? v - log(total) : powers(v) / total);
    }
}
