// The largest (KIND 0) or the mean (1) of KD images of a volume of XD, those outside of it not counted. Of each value 1/32
// is added up (which is exact), 32 of them at most before they get their share: a sum is finite where the mean is.
#pragma glnn input x
#pragma glnn const KIND
#pragma glnn param KD YD SD PF XD
vec4 kernel(int n, int h, int w, int c) {
    int v = idiv(n, YD);
    int first = (n - v * YD) * SD - PF;
    float count = taps_inside(first, KD, XD) * 0.03125;
    vec4 none = vec4(nothing(y_H)), total = none, sum = none;
    bool found = false;
    for (int d = 0; d < KD; d++)
        if (first + d >= 0 && first + d < XD) {
            vec4 t = x(v * XD + first + d, h, w, c);
            if (KIND == 0) total = found ? larger4(total, t) : t;
            found = true;
            sum += t * 0.03125;
            if (KIND == 1 && imod(d, 32) == 31) { total += sum / count; sum = none; }
        }
    return KIND == 0 ? total : total + sum / count;
}
