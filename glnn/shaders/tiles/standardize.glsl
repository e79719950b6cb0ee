// x less its mean, over the root of its variance and EPSILON: of SIZE values, which are a pixel's (WHOLE 0), those of a row
// of pixels (1) or of an image (2), in NTG groups of channels; with ACROSS they are all one's, else each channel has its own.
// With PARTED mean and variance follow from those of PARTS parts of PART pixels (see moments), which `m` holds, and of
// each image CHUNKS workgroups make a share. The mean is corrected by that of what it leaves.
#pragma glnn input x
#pragma glnn optional m
#pragma glnn const LANES WHOLE ACROSS PARTED EPSILON
#pragma glnn param SIZE CHUNKS PARTS PART
#include together
int set, q;
void place(int k) {
    int pixel = k / NTG;
    if (WHOLE == 0) y_pixel(set);
    else if (WHOLE == 1) y_row(set, pixel);
    else y_pixel(set * y_GH * y_GW + pixel);
    x_pixel(y_live ? y_n : -1, y_h, y_w);
}
vec4 of_set(vec4 v) {
    v = added_up(v);
    return ACROSS == 1 ? vec4(dot(v, vec4(1.0))) : v;
}
vec4 alive(int g, vec4 v) {
    return ACROSS == 0 ? v : vec4(v.x, 4 * g + 1 < x_C ? v.y : 0.0, 4 * g + 2 < x_C ? v.z : 0.0, 4 * g + 3 < x_C ? v.w : 0.0);
}
void main() {
    begin();
    int id = int(gl_LocalInvocationID.x), lane = id % LANES, pixels = WHOLE == 0 ? 1 : WHOLE == 1 ? y_GW : y_GW * y_GH;
    int tile = int(gl_WorkGroupID.x), chunk = tile % CHUNKS, each = (pixels + CHUNKS - 1) / CHUNKS;
    set = tile / CHUNKS * (INVOCATIONS / LANES) + id / LANES;
    q = int(gl_WorkGroupID.y) * NTG;
    int first = min(chunk * each, pixels) * NTG, last = min((chunk + 1) * each, pixels) * NTG;
    float share = 1.0 / float(SIZE);
    vec4 mean = vec4(0.0), off = vec4(0.0), spread = vec4(0.0);
#if PARTED == 1
    int n = min(set, m_N / 2 - 1);
    for (int k = lane; k < PARTS * NTG; k += LANES) {
        m_pixel(n, 0, k / NTG);
        mean += m_load(q + k % NTG) * (float(min(PART, SIZE / (ACROSS * (4 * NTG - 1) + 1) - k / NTG * PART)) * share);
    }
    mean = of_set(mean);
    for (int k = lane; k < PARTS * NTG; k += LANES) {
        float own = float(min(PART, SIZE / (ACROSS * (4 * NTG - 1) + 1) - k / NTG * PART)) * share;
        m_pixel(n, 0, k / NTG);
        vec4 d = alive(q + k % NTG, m_load(q + k % NTG) - mean);
        m_pixel(n + m_N / 2, 0, k / NTG);
        off += d * own;
        spread += (m_load(q + k % NTG) + d * d) * own;
    }
#else
    for (int k = lane; k < last; k += LANES) {
        place(k);
        mean += x_load(q + k % NTG) * share;
    }
    mean = of_set(mean);
    for (int k = lane; k < last; k += LANES) {
        place(k);
        vec4 d = x_has(q + k % NTG) ? alive(q + k % NTG, x_load(q + k % NTG) - mean) : vec4(0.0);
        off += d * share;
        spread += d * d * share;
    }
#endif
    mean += of_set(off);
    spread = sqrt(of_set(spread) + EPSILON);
    for (int k = first + lane; k < last; k += LANES) {
        place(k);
        y_seek();
        y_write(0, q + k % NTG, (x_load(q + k % NTG) - mean) / spread);
    }
}
