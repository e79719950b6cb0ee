// Each pixel repeated SH times down and SW times to the right.
#pragma glnn input x
#pragma glnn param SH SW
vec4 kernel(int n, int h, int w, int c) { return x(n, idiv(h, SH), idiv(w, SW), c); }
