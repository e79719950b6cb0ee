#define FETCH(s, at, layer) texelFetch(s, ivec3(at, layer), 0)
#define FETCH2(s, at) texelFetch(s, ivec2(at), 0)
