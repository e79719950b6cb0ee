#version 100
precision highp float;
precision highp int;
precision highp sampler2D;
#define LARGE 3.4028234e38
