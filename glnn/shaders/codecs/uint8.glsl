// Four codes to a component of an integer texel, group k in component k; else one to a component of RGBA8.
#ifdef HAS_BITS
vec4 decode(uvec4 texel, int k) {
    uint v = k == 0 ? texel.x : k == 1 ? texel.y : k == 2 ? texel.z : texel.w;
    return vec4(ivec4(uvec4(v, v >> 8u, v >> 16u, v >> 24u) & 255u));
}
#else
vec4 decode(vec4 texel, int k) { return floor(texel * 255.0 + 0.5); }
#endif
