// What its input is made of, in one tensor: others one after the other.
#pragma glnn each
#pragma glnn input x
vec4 kernel(int n, int h, int w, int c) { return x(n, h, w, c); }
