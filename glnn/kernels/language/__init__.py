"""The kernel language: GLSL text in, GLSL text out."""
