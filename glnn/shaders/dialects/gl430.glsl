#version 430
uniform ivec4 y_V[2];
#define LARGE 3.4028234e38
#define FETCH(s, at, layer) texelFetch(s, ivec3(at, layer), 0)
#define FETCH2(s, at) texelFetch(s, ivec2(at), 0)
