#version 100
precision highp float;
precision highp int;
precision highp sampler2D;
#define LARGE 3.4028234e38
#define FETCH(s, at, layer) texture2D(s, at)
#define FETCH2(s, at) texture2D(s, at)
