// Layouts: where values lie in textures (as layout/tiles.py and layout/cells.py have it), and what texels are made of (layout/codec.py).

/** Room for the values of all parts, in those texels that hold some. */
const room = ({parts, layers, width, height}, lanes, Values) => new Values(parts * layers * width * height * lanes);

/** Moves row-major values into the texels of a tensor's parts, one after another, or back: see room. */
function move(layout, lanes, texels, values, back) {
  const {dims: [N, H, W, C], block: [bh, bw], tile: [ph, pw], flat, layers, width, height, columns, part_rows: partRows} = layout;
  const tiles = (Math.ceil(C / 4) * 4) / lanes; // of a pixel plane
  let i = 0;
  for (let n = 0; n < N; n++) for (let h = 0; h < H; h++) for (let w = 0; w < W; w++) {
    const layer = (h % bh) * bw + (w % bw), y = flat ? 0 : (h / bh) | 0, x = flat ? 0 : (w / bw) | 0;
    let tile = (flat ? (n * H + h) * W + w : n) * tiles;
    for (let c = 0; c < C; c += lanes, tile++) {
      const row = (tile / columns) | 0, part = (row / partRows) | 0;
      let at = (((part * layers + layer) * height + (row - part * partRows) * ph + y) * width + (tile - row * columns) * pw + x) * lanes;
      for (const end = i + Math.min(lanes, C - c); i < end; i++, at++) {
        if (back) values[i] = texels[at];
        else texels[at] = values[i];
      }
    }
  }
}

/** Moves (taps, in, out) or (taps, channels) weights into cells: 4 x 4 blocks, or 4 channels, for each group and tap. */
function moveCells(shape, texels, values) {
  const taps = shape[0], inputs = shape.length > 2 ? shape[1] : 1, outputs = shape[shape.length - 1];
  const rows = shape.length > 2 ? 4 : 1;
  let cell = 0;
  for (let o = 0; o < outputs; o += 4) for (let i = 0; i < inputs; i += rows) for (let t = 0; t < taps; t++, cell += rows * 4) {
    for (let r = 0; r < rows && i + r < inputs; r++) for (let k = 0; k < 4 && o + k < outputs; k++) {
      texels[cell + r * 4 + k] = values[(t * inputs + i + r) * outputs + o + k];
    }
  }
}

// What values are made of, by codec; a uint4 comes two to a byte, the first in its low half, and so do texels take it.
const VALUES = {float32: Float32Array, rgba8: Float32Array, float16: Uint16Array, uint16: Uint16Array, uint8: Uint8Array, uint4: Uint8Array};
const unpacked = (bytes) => new Uint8Array(bytes.length * 2).map((_, i) => (bytes[i >> 1] >> (i & 1 ? 4 : 0)) & 15);
const packed = (codes) => new Uint8Array(codes.length / 2).map((_, i) => codes[2 * i] | (codes[2 * i + 1] << 4));

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

export {VALUES, move, moveCells, packed, room, size, unpacked};
