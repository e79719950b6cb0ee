// What LANES invocations of a workgroup that follow each other have, together: a sum, or the largest.
shared vec4 held[INVOCATIONS];
vec4 added_up(vec4 v) {
    int id = int(gl_LocalInvocationID.x), lane = id % LANES;
    held[id] = v;
    memoryBarrierShared();
    barrier();
    for (int apart = LANES / 2; apart > 0; apart /= 2) {
        if (lane < apart) held[id] += held[id + apart];
        memoryBarrierShared();
        barrier();
    }
    v = held[id - lane];
    barrier();
    return v;
}
vec4 largest(vec4 v) {
    int id = int(gl_LocalInvocationID.x), lane = id % LANES;
    held[id] = v;
    memoryBarrierShared();
    barrier();
    for (int apart = LANES / 2; apart > 0; apart /= 2) {
        if (lane < apart) held[id] = max(held[id], held[id + apart]);
        memoryBarrierShared();
        barrier();
    }
    v = held[id - lane];
    barrier();
    return v;
}
