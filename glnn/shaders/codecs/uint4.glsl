// Eight codes to a component of an integer texel, or two to one of RGBA8; the first in the lowest bits.
#ifdef HAS_BITS
vec4 decode(uvec4 texel, int k) {
    uint v = (k < 2 ? texel.x : texel.y) >> (k == 1 || k == 3 ? 16u : 0u);
    return vec4(ivec4(uvec4(v, v >> 4u, v >> 8u, v >> 12u) & 15u));
}
#else
vec4 decode(vec4 texel, int k) {
    vec4 b = floor(texel * 255.0 + 0.5);
    vec2 v = k == 0 ? b.xy : b.zw;
    vec2 high = floor(v / 16.0);
    return vec4(v - high * 16.0, high).xzyw;
}
#endif
