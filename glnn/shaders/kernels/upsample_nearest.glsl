// Each pixel repeated SH times down and SW times to the right.
#pragma glnn input x
#pragma glnn param SH SW
vec4 kernel(int n, int h, int w, int c) { return x(n, idiv(h, SH), idiv(w, SW), c); }
#pragma glnn test repeats: x = normal(2, 3, 5, 6), SH = 2, SW = 3 expect repeat(repeat(x, 2, axis=1), 3, axis=2) within 0 ulp
