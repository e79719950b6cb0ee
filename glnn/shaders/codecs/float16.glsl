// Stores to half targets truncate on some drivers: round to nearest here, where the dialect can.
vec4 decode(vec4 texel) { return texel; }
#ifdef HAS_PACK_HALF
// HALF_ZERO is a uniform of 0: without it some drivers take the pair of conversions for nothing and drop it.
vec4 encode(vec4 value) {
    uint zero = uint(HALF_ZERO);
    return vec4(unpackHalf2x16(packHalf2x16(value.xy) + zero), unpackHalf2x16(packHalf2x16(value.zw) + zero));
}
#else
vec4 encode(vec4 value) { return value; }
#endif
// Without float textures: two to a texel of RGBA8, the low byte first.
vec2 decode2(vec4 texel) {
    vec4 b = floor(texel * 255.0 + 0.5);
    vec2 e = floor(mod(b.yw, 128.0) / 4.0);
    vec2 m = mod(b.yw, 4.0) * 256.0 + b.xz;
    vec2 v = vec2(
        e.x == 0.0 ? m.x * power2(-24.0) : (1024.0 + m.x) * power2(e.x - 25.0),
        e.y == 0.0 ? m.y * power2(-24.0) : (1024.0 + m.y) * power2(e.y - 25.0)
    );
    return vec2(b.y < 128.0 ? v.x : -v.x, b.w < 128.0 ? v.y : -v.y);
}
