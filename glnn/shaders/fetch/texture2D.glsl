#define FETCH(s, at, layer) texture2D(s, at)
#define FETCH2(s, at) texture2D(s, at)
