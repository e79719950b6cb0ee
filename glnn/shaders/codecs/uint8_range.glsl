// A tensor between layers as one byte a value: (code - zero) * scale; S, R (its inverse) and Z are the tensor's own.
vec4 decode(vec4 texel) { return (floor(texel * 255.0 + 0.5) - Z) * S; }
vec4 encode(vec4 value) { return clamp(floor(value * R + (Z + 0.5)), 0.0, 255.0) / 255.0; }
