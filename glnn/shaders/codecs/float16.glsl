// Stores to half targets truncate on some drivers: round to nearest here, where the dialect can.
vec4 decode(vec4 texel) { return texel; }
#ifdef HAS_PACK_HALF
vec4 encode(vec4 value) {
    return vec4(unpackHalf2x16(packHalf2x16(value.xy)), unpackHalf2x16(packHalf2x16(value.zw)));
}
#else
vec4 encode(vec4 value) { return value; }
#endif
