// Tiles of a product in shared memory: a workgroup makes MT pixels times NTG groups of channels, an invocation PM times PG of
// them, of BKG groups of input channels after another. Of SPLIT workgroups each sums a share. While one tile is multiplied
// the next is fetched, a texel of weights with the TEXEL_ROWS rows in it; when that has come, codes become values and what is
// not there zero.
shared vec4 left[2 * BKG * MT];
shared vec4 right[2 * BKG * 4 * NTG];

void main() {
    begin();
    int id = int(gl_LocalInvocationID.x), wave = id / 32, tx = id % 4 + wave % WAVES * 4, ty = id % 32 / 4 + wave / WAVES * 8;
    int share = int(gl_WorkGroupID.y) % SPLIT, q0 = int(gl_WorkGroupID.y) / SPLIT * NTG;
    int chunks = (INNER + BKG - 1) / BKG, steps = TAPS * chunks, each = (steps + SPLIT - 1) / SPLIT;
    int first = min(share * each, steps), last = min(first + each, steps), tap = first / chunks, g = (first - tap * chunks) * BKG;
    int lg = id / MT, lm = id % MT, rk = id / NTG, rq = id % NTG;
    tile_at(int(gl_WorkGroupID.x));
    tile_pixel(lm);
    left_place();
    left_tap(tap);
    right_place(q0 + rq);
    #unroll i PM
    #unroll j PG
    vec4 c@i_@j = vec4(0.0);
    #end
    #end
    #unroll i LOADS
    vec4 a@i = vec4(0.0);
    bool has_a@i = false;
    #end
    #unroll i RIGHT_LOADS
    RIGHT b@i = RIGHT(0);
    bool has_b@i = false;
    #end
    for (int turn = first; turn <= last; turn++) {
        if (turn < last) {
            #unroll i LOADS
            if (lg + @i * (INVOCATIONS / MT) < BKG) {
                a@i = left_load(g + lg + @i * (INVOCATIONS / MT));
                has_a@i = left_there(g + lg + @i * (INVOCATIONS / MT));
            }
            #end
            #unroll i RIGHT_LOADS
            {
                int k = (rk + @i * (INVOCATIONS / NTG)) * TEXEL_ROWS;
                if (k < BKG * 4) {
                    b@i = right_load(tap, g + k / 4, q0 + rq, k % 4);
                    has_b@i = right_there(g + k / 4, q0 + rq);
                }
            }
            #end
            g += BKG;
            if (g >= INNER) { g = 0; tap++; left_tap(tap); }
        }
        if (turn > first) {
            int l = ((turn - 1) & 1) * BKG * MT + ty, r = ((turn - 1) & 1) * BKG * 4 * NTG + tx;
            #unroll k BKG
            {
                #unroll i PM
                vec4 l@i = left[l + @k * MT + @i * (MT / PM)];
                #end
                #unroll d 4
                {
                    #unroll j PG
                    vec4 r@j = right[r + (@k * 4 + @d) * NTG + @j * (NTG / PG)];
                    #end
                    #unroll i PM
                    #unroll j PG
                    c@i_@j += l@i[@d] * r@j;
                    #end
                    #end
                }
                #end
            }
            #end
        }
        if (turn < last) {
            #unroll i LOADS
            if (lg + @i * (INVOCATIONS / MT) < BKG) left[(turn & 1) * BKG * MT + (lg + @i * (INVOCATIONS / MT)) * MT + lm] = only(has_a@i, a@i);
            #end
            #unroll i RIGHT_LOADS
            {
                int k = (rk + @i * (INVOCATIONS / NTG)) * TEXEL_ROWS;
                if (k < BKG * 4) {
                    #unroll d TEXEL_ROWS
                    right[((turn & 1) * BKG * 4 + k + @d) * NTG + rq] = only(has_b@i, right_value(b@i, @d));
                    #end
                }
            }
            #end
        }
        memoryBarrierShared();
        barrier();
    }
    #unroll j PG
    vec4 s@j = start(min(q0 + tx + @j * (NTG / PG), y_G - 1));
    #end
    #unroll i PM
    tile_pixel(ty + @i * (MT / PM));
    y_seek();
    #unroll j PG
    if (q0 + tx + @j * (NTG / PG) < y_G) y_write(share, q0 + tx + @j * (NTG / PG), c@i_@j + s@j);
    #end
    #end
}
