// Nothing of its own, for BH x BW pixels at once: what is computed of which tensors is the draw's finish.
#pragma glnn unroll i
void kernel(int n, int h, int w, int c, out vec4 y[BLOCK]) {
    for (int i = 0; i < BLOCK; i++) y[i] = vec4(0.0);
}
