// Two codes to a component of an integer texel; else two to a texel of RGBA8, the low byte first.
#ifdef HAS_BITS
vec4 decode(uvec4 texel, int k) {
    uvec2 v = k == 0 ? texel.xy : texel.zw;
    return vec4(ivec4(v.x & 65535u, v.x >> 16u, v.y & 65535u, v.y >> 16u));
}
#else
vec2 decode2(vec4 texel) {
    vec4 b = floor(texel * 255.0 + 0.5);
    return b.xz + b.yw * 256.0;
}
#endif
