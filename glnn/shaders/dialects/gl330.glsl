#version 330
#extension GL_ARB_shading_language_packing : enable
#define LARGE 3.4028234e38
#define FETCH(s, at, layer) texture(s, vec3(at, layer))
#define FETCH2(s, at) texture(s, at)
