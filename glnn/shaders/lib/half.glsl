// A value as half floats hold it, rounded to the nearest, ties to even: infinite beyond 65504, as in numpy.float16.
#ifdef HAS_PACK_HALF
// HALF_ZERO is a uniform of 0: without it some drivers take the pair of conversions for nothing and drop it.
vec2 half_of(vec2 v) { return unpackHalf2x16(packHalf2x16(v) + uint(HALF_ZERO)); }
float half_of(float v) { return half_of(vec2(v, 0.0)).x; }
#else
float half_of(float v) {
    float a = abs(v);
    if (!(a < 65520.0)) return v * LARGE;
    float e = a < 0.00006103515625 ? -24.0 : max(floor(log2(a)) - 10.0, -24.0);
    float m = a * power2(-e);
    float up = m >= 2048.0 ? 1.0 : m < 1024.0 && e > -24.0 ? -1.0 : 0.0;
    m = up > 0.0 ? m * 0.5 : up < 0.0 ? m * 2.0 : m;
    float r = floor(m + 0.5);
    r -= r - m == 0.5 && mod(r, 2.0) == 1.0 ? 1.0 : 0.0;
    r *= power2(e + up);
    return v < 0.0 ? -r : r;
}
vec2 half_of(vec2 v) { return vec2(half_of(v.x), half_of(v.y)); }
#endif
vec3 half_of(vec3 v) { return vec3(half_of(v.xy), half_of(v.z)); }
vec4 half_of(vec4 v) { return vec4(half_of(v.xy), half_of(v.zw)); }
mat4 half_of(mat4 m) { return mat4(half_of(m[0]), half_of(m[1]), half_of(m[2]), half_of(m[3])); }
int half_of(int v) { return v; }
bool half_of(bool v) { return v; }
