vec4 decode(vec4 texel) { return texel; }
vec4 encode(vec4 value) { return value; }
