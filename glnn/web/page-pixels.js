// Pictures as a model's values and back, as glnn.image.read makes them in Python, number for number.

export const BLACK = [0, 0, 0];
const {abs, max, min, sin, PI} = Math;
const FILTERS = { // half of the width, and weights, of Pillow's filters
  nearest: [.5, () => 1],
  box: [.5, (x) => x <= .5],
  bilinear: [1, (x) => 1 - x],
  bicubic: [2, (x) => x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((2.5 - x / 2) * x - 4) * x + 2],
  lanczos: [3, (x) => x ? 3 * sin(x *= PI) * sin(x / 3) / x / x : 1],
};

/** RGBA bytes of a picture, upright. Through WebGL, since a 2D canvas loses colours under alpha. */
export function bytes(bitmap) {
  const {width, height} = bitmap, data = new Uint8Array(width * height * 4), gl = document.createElement("canvas").getContext("webgl"), texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  if (gl.getError()) throw gl;
  gl.getExtension("WEBGL_lose_context").loseContext();
  return data;
}

/** The part (left, top, width, height) of a picture that becomes the input; for "pad" it reaches beyond. */
export function area({picture: {fit}}, [h, w], width, height) {
  const pick = {crop: min, pad: max}[fit] || ((own) => own), wide = pick(width, max(1, height * w / h | 0)), high = pick(height, max(1, width * h / w | 0));
  return [(width - wide) / 2 | 0, (height - high) / 2 | 0, wide, high];
}

/** How so many pixels of a row become others: the first that counts and the weights of those from there, for each. */
export function weights(from, to, filter) {
  const [half, weight] = FILTERS[filter], scale = from / to, wider = filter === "nearest" ? 1 : max(1, scale);
  return Array.from({length: to}, (_, x) => {
    const middle = (x + .5) * scale, first = max(0, middle - half * wider + .5 | 0), end = min(from, middle + half * wider + .5 | 0);
    const taps = Array.from({length: end - first}, (_, i) => weight(abs(first + i - middle + .5) * (1 / wider))), all = taps.reduce((a, b) => a + b);
    return {first, taps: taps.map((tap) => tap / all)};
  });
}

/** The model's input out of a part of RGBA bytes, as prepare.py makes it: on a background, resized, scaled. */
export function taken({picture: {factor, offset, order, filter}}, [h, w, c], data, width, [left, top, wide, high], background) {
  const Values = c > 3 ? Float32Array : Uint8ClampedArray, rgba = new Values(4); // which rounds
  let from = new Values(wide * high * c);
  for (let i = 0; i < wide * high; i++) {
    const x = left + i % wide, at = x < 0 || x >= width ? -4 : ((top + (i / wide | 0)) * width + x) * 4, a = rgba[3] = ~~data[at + 3]; // 0 beyond
    for (let k = 0; k < 3; k++) rgba[k] = (a * ~~data[at + k] + (255 - a) * background[k]) / 255;
    for (let k = 0; k < c; k++) from[i * c + k] = c > 1 ? rgba[order[k]] : (19595 * rgba[0] + 38470 * rgba[1] + 7471 * rgba[2] + 32768) >> 16;
  }
  for (const [columns, rows, to] of [[wide, high, w], [high, w, h]]) { // resizes rows, and makes columns of them
    const made = new Float32Array(to * rows * c);
    weights(columns, to, filter).forEach(({first, taps}, x) => {
      for (let y = 0; y < rows; y++) for (let k = 0; k < c; k++) {
        let sum = 0;
        for (let i = 0; i < taps.length; i++) sum += taps[i] * from[(y * columns + first + i) * c + k];
        made[(x * rows + y) * c + k] = sum;
      }
    });
    from = made;
  }
  if (c > 3) from = from.map((v, i) => i % 4 > 2 ? v : from[i | 3] < .5 ? 0 : v * 255 / from[i | 3]);
  return from.map((v, i) => min(255, max(0, v)) * factor[i % c] + offset[i % c]);
}

/** The values of a matrix of so many rows and columns, column by column. */
export const turned = ([, , , rows, columns], values) => values.map((_, i) => values[i % rows * columns + (i / rows | 0)]);

/** A canvas for so many pixels, which are shown as squares where there are few. */
export function sized(canvas, w, h) {
  [canvas.width, canvas.height] = [w, h];
  canvas.style.setProperty("--ratio", w / h);
  canvas.style.imageRendering = max(w, h) < 100 ? "pixelated" : "";
}

/** A canvas, new unless one is given, with a picture whose channels are last. */
export function image({picture: {factor, offset, order}}, [h, w, c], values, canvas = document.createElement("canvas")) {
  sized(canvas, w, h);
  const data = new ImageData(w, h);
  // A model that takes bytes and gives shares of white.
  const full = factor[0] === 1 && values.every((v) => v <= 1) ? 255 : 1;
  for (let i = 0; i < h * w * 4; i++) {
    const k = c > 1 ? order[i % 4] : 0;
    data.data[i] = i % 4 > 2 && c < 4 ? 255 : (values[(i >> 2) * c + k] - offset[k]) / factor[k] * full;
  }
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}
