// One float32 to a texel of bytes, lowest first, as it lies in memory: exact but for denormals, which become zero.
#ifdef HAS_BITS
float decode1(vec4 texel) {
    uvec4 b = uvec4(floor(texel * 255.0 + 0.5));
    return uintBitsToFloat(b.x | b.y << 8u | b.z << 16u | b.w << 24u);
}
vec4 encode1(float v) {
    uint b = floatBitsToUint(v);
    return vec4(uvec4(b, b >> 8u, b >> 16u, b >> 24u) & 255u) / 255.0;
}
#else
float decode1(vec4 texel) {
    vec4 b = floor(texel * 255.0 + 0.5);
    float high = mod(b.z, 128.0);
    float e = mod(b.w, 128.0) * 2.0 + floor(b.z / 128.0);
    float m = 1.0 + high / 128.0 + b.y / 32768.0 + b.x / 8388608.0;
    float v = e == 0.0 ? 0.0 : e < 255.0 ? m * power2(e - 127.0) : m == 1.0 ? LARGE * e : sqrt(-e);
    return b.w < 128.0 ? v : -v;
}
vec4 encode1(float v) {
    float a = abs(v);
    float s = v < 0.0 ? 128.0 : 0.0;
    if (a != a) return vec4(0.0, 0.0, 192.0, 127.0) / 255.0;
    if (a > LARGE) return vec4(0.0, 0.0, 128.0, 127.0 + s) / 255.0;
    if (a < 1.17549435e-38) return vec4(0.0);
    float e = floor(log2(a));
    float half_e = floor(e / 2.0);
    float m = a * power2(-half_e) * power2(half_e - e);
    e += m >= 2.0 ? 1.0 : m < 1.0 ? -1.0 : 0.0;
    m *= m >= 2.0 ? 0.5 : m < 1.0 ? 2.0 : 1.0;
    m = (m - 1.0) * 128.0;
    float high = floor(m);
    m = (m - high) * 256.0;
    float middle = floor(m);
    e += 127.0;
    float odd = mod(e, 2.0);
    return vec4((m - middle) * 256.0, middle, high + 128.0 * odd, (e - odd) / 2.0 + s) / 255.0;
}
#endif
