#version 300 es
precision highp float;
precision highp int;
precision highp sampler2D;
precision highp sampler2DArray;
precision highp usampler2D;
precision highp usampler2DArray;
#define LARGE 3.4028234e38
#define FETCH(s, at, layer) texture(s, vec3(at, layer))
#define FETCH2(s, at) texture(s, at)
