// Layouts: where the values of tensors lie in textures (as layout/tiles.py has it), and what texels are made of (layout/codec.py).

/** How many values all parts have room for, in those texels that hold some. */
const room = ({parts, layers, width, height}, lanes) => parts * layers * width * height * lanes;

/** Moves row-major values into the texels of a tensor's parts, one after another, or back: see room. A row of pixels at a time. */
function move(layout, lanes, texels, values, back) {
  const {dims: [images, rows, pixels, C], block: [bh, bw], tile: [ph, pw], flat, layers, width, height, columns, part_rows: partRows} = layout;
  const [N, H, W] = flat ? [images * rows * pixels, 1, 1] : [images, rows, pixels]; // flat: each pixel is an image of its own
  const tiles = (Math.ceil(C / 4) * 4) / lanes, plane = height * width * lanes; // of a pixel plane; of a layer
  for (let n = 0, first = 0; n < N; n++) for (let h = 0; h < H; h++, first += W * C) for (let c = 0, tile = n * tiles; c < C; c += lanes, tile++) {
    const row = (tile / columns) | 0, part = (row / partRows) | 0, used = Math.min(lanes, C - c);
    let left = (((part * layers + (h % bh) * bw) * height + (row - part * partRows) * ph + ((h / bh) | 0)) * width + (tile - row * columns) * pw) * lanes;
    for (let w = 0, i = first + c; w < W; left += lanes) for (let at = left, end = Math.min(W, w + bw); w < end; w++, i += C, at += plane) {
      if (back) for (let k = 0; k < used; k++) values[i + k] = texels[at + k];
      else for (let k = 0; k < used; k++) texels[at + k] = values[i + k];
    }
  }
}

// What values are made of, by codec; a uint4 comes two to a byte, the first in its low half, and so do texels of cells take it.
const VALUES = {float32: Float32Array, rgba8: Float32Array, float16: Uint16Array, uint16: Uint16Array, uint8: Uint8Array, uint4: Uint8Array};
const unpacked = (bytes) => new Uint8Array(bytes.length * 2).map((_, i) => (bytes[i >> 1] >> (i & 1 ? 4 : 0)) & 15);
const packed = (codes) => new Uint8Array(codes.length / 2).map((_, i) => codes[2 * i] | (codes[2 * i + 1] << 4));

/** Cells that are combinations of a file's (graph/mixed.py): for each row of factors all runs, which hold `step` values for each factor. */
function mixed(values, mix, step) {
  const out = new Float32Array((values.length / mix[0].length) * mix.length);
  let at = 0;
  for (const factors of mix) for (let run = 0; run < values.length; run += step * factors.length) for (let i = run; i < run + step; i++) {
    let sum = 0;
    for (let a = 0; a < factors.length; a++) sum += factors[a] * values[i + a * step];
    out[at++] = sum;
  }
  return out;
}

/** Float32Array -> the bits of float16 in a Uint16Array, rounded to nearest even; beyond 65504 is infinity. */
export function toHalf(values) {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length), out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) {
    const x = bits[i] & 0x7fffffff;
    let half;
    if (x > 0x7f800000) half = 0x7c00 | ((x >>> 13) & 0x3ff || 1); // NaN
    else if (x >= 0x477ff000) half = 0x7c00;
    else if (x >= 0x38800000) half = (x + 0xfff + ((x >>> 13) & 1) - 0x38000000) >>> 13;
    else half = Math.abs(values[i]) * 2 ** 24 + 2 ** 52 - 2 ** 52; // a denormal counts 2^-24
    out[i] = ((bits[i] >>> 16) & 0x8000) | half;
  }
  return out;
}

const size = (shape) => shape.reduce((a, b) => a * b, 1);

export {VALUES, mixed, move, packed, room, size, unpacked};
