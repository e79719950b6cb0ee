// The sum (KIND 0), mean (1), largest (2) or smallest (3) of all channels. Means are added up as means of 32, whose sum
// no values overflow, in partial sums that keep the rounding small. For extremes the lanes past the last channel hold
// the first one.
#pragma glnn input x
#pragma glnn const KIND
vec4 kernel(int n, int h, int w, int c) {
    float share = KIND == 1 ? 32.0 / float(x_C) : 1.0, fill = KIND >= 2 ? x(n, h, w, 0).x : 0.0;
    float none = nothing(y_H), total = none, part = none;
    int count = 0;
    for (int g = 0; g < x_G; g++) {
        vec4 v = x_fill(n, h, w, 4 * g, fill);
        if (KIND >= 2) {
            vec4 s = KIND == 2 ? v : -v;
            float best = larger(larger(s.x, s.y), larger(s.z, s.w));
            total = g == 0 ? best : larger(total, best);
        } else {
            part += KIND == 1 ? sum4(v * 0.03125) : sum4(v);
            count += 1;
            if (count == 8) { total += part * share; part = none; count = 0; }
        }
    }
    return vec4(KIND == 3 ? -total : KIND == 2 ? total : total + part * share, 0.0, 0.0, 0.0);
}
