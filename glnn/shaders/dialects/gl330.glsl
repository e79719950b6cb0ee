#version 330
#extension GL_ARB_shading_language_packing : enable
#define LARGE 3.4028234e38
