#version 430
uniform ivec4 y_V[2];
#define LARGE 3.4028234e38
