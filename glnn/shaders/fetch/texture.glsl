#define FETCH(s, at, layer) texture(s, vec3(at, layer))
#define FETCH2(s, at) texture(s, at)
