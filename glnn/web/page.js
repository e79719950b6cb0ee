// The page of an exported model: a picture or a drawing in, classes or a picture out. What runs the model is runner.js.
import {load} from "./runner.js";

const $ = (id) => document.getElementById(id);
const make = (tag, text = "", props = {}) => Object.assign(document.createElement(tag), {textContent: text}, props);
const {abs, max, min, sin, PI} = Math;
const MB = (bytes) => (bytes / 1e6).toFixed(1);
const TOP = 5; // classes that are shown
const PEN = 320; // pixels a side of the drawing

let model, busy, again, best = Infinity;

function problem(error) {
  $("bar").hidden = true;
  $("problem").hidden = false;
  $("problem").textContent = error.message || error;
  if (!model) $("name").textContent = "This model did not load";
}

async function start() {
  const query = new URL(location).searchParams;
  model = globalThis.model = await load("./", {
    backend: query.get("backend") || undefined,
    variant: query.get("variant") || undefined,
    onProgress({loaded, total}) {
      $("bar").value = loaded / total;
      $("about").textContent = loaded < total ? `${MB(loaded)} of ${MB(total)} MB` : "Compiling shaders";
    },
  });
  model.addEventListener("contextlost", () => problem("The browser took the graphics context away. It may come back."));
  model.addEventListener("error", ({error}) => problem(error));
  model.addEventListener("contextrestored", () => {
    $("problem").hidden = true;
    run();
  });
  document.title = $("name").textContent = model.name;
  $("about").textContent = `${model.variant} on ${model.renderer}`;
  $("bar").hidden = true;
  if (query.has("check")) return import("./check.js");
  $("cards").hidden = $("profile").hidden = false;
  prepare();
  run();
}

// ---- input

let shape, drawing, seen; // an entry of manifest.pictures (see export.py); the picture, scaled, its channels last

function prepare() {
  const canvas = $("input");
  [shape] = model.manifest.pictures;
  if (!shape) {
    canvas.hidden = $("choose").hidden = true;
    $("hint").textContent = `The input ${model.inputs.map((t) => `${t.name} (${t.shape.join(" x ")})`).join(", ")} is no picture: each run takes random values.`;
    return;
  }
  const [h, w, c] = shape;
  drawing = c < 2 && h <= 64 && w <= 64;
  [canvas.width, canvas.height] = drawing ? [PEN, PEN] : [w, h];
  canvas.setAttribute("aria-label", drawing ? "Drawing" : "Picture");
  canvas.getContext("2d", {willReadFrequently: true}).fillRect(0, 0, canvas.width, canvas.height);
  seen = taken(new Uint8Array(4), 1, [0, 0, 1, 1], BLACK);
  $("hint").textContent = drawing ? "Draw with a finger or the mouse, or drop a picture. Keys: arrows move the pen, Space sets it." : "Drop, paste or choose a picture.";
  if (drawing) pen(canvas);
  $("file").onchange = () => show($("file").files[0]);
  document.onpaste = (event) => show(event.clipboardData.files[0]);
  document.ondragover = (event) => (event.preventDefault(), canvas.classList.add("drop"));
  document.ondragleave = () => canvas.classList.remove("drop");
  document.ondrop = (event) => {
    event.preventDefault();
    canvas.classList.remove("drop");
    show(event.dataTransfer.files[0]);
  };
}

async function show(file) {
  if (!file) return;
  try {
    const bitmap = await createImageBitmap(file, {premultiplyAlpha: "none", colorSpaceConversion: "none"}), canvas = $("input");
    const {width, height} = bitmap, [h, w, c] = shape, {fit, background} = model.manifest.picture;
    const pick = {crop: min, pad: max}[fit] || ((own) => own), wide = pick(width, max(1, height * w / h | 0)), high = pick(height, max(1, width * h / w | 0));
    seen = taken(bytes(bitmap), width, [(width - wide) / 2 | 0, (height - high) / 2 | 0, wide, high], c > 3 ? BLACK : background);
    drawing = false;
    [canvas.width, canvas.height] = [w, h];
    canvas.getContext("2d").drawImage(image(shape, seen), 0, 0);
    $("problem").hidden = true;
    run();
  } catch {
    problem(`${file.name} is no picture that this browser reads. Choose a PNG or JPEG file.`);
  }
}

/** RGBA bytes of a picture, upright. Through WebGL, since a 2D canvas loses colours under alpha. */
function bytes(bitmap) {
  const {width, height} = bitmap, data = new Uint8Array(width * height * 4), gl = make("canvas").getContext("webgl"), texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, data);
  if (gl.getError()) throw gl;
  gl.getExtension("WEBGL_lose_context").loseContext();
  return data;
}

const BLACK = [0, 0, 0];
const FILTERS = { // half of the width, and weights, of Pillow's filters
  nearest: [.5, () => 1],
  box: [.5, (x) => x <= .5],
  bilinear: [1, (x) => 1 - x],
  bicubic: [2, (x) => x < 1 ? (1.5 * x - 2.5) * x * x + 1 : ((2.5 - x / 2) * x - 4) * x + 2],
  lanczos: [3, (x) => x ? 3 * sin(x *= PI) * sin(x / 3) / x / x : 1],
};

/** The model's input out of a part of RGBA bytes, as prepare.py makes it: on a background, resized, scaled. */
function taken(data, width, [left, top, wide, high], background) {
  const [h, w, c] = shape, {factor, offset, order, filter} = model.manifest.picture, [half, weight] = FILTERS[filter];
  const Values = c > 3 ? Float32Array : Uint8ClampedArray, rgba = new Values(4); // which rounds
  let from = new Values(wide * high * c);
  for (let i = 0; i < wide * high; i++) {
    const x = left + i % wide, at = x < 0 || x >= width ? -4 : ((top + (i / wide | 0)) * width + x) * 4, a = rgba[3] = ~~data[at + 3]; // 0 beyond
    for (let k = 0; k < 3; k++) rgba[k] = (a * ~~data[at + k] + (255 - a) * background[k]) / 255;
    for (let k = 0; k < c; k++) from[i * c + k] = c > 1 ? rgba[order[k]] : (19595 * rgba[0] + 38470 * rgba[1] + 7471 * rgba[2] + 32768) >> 16;
  }
  for (const [columns, rows, to] of [[wide, high, w], [high, w, h]]) { // resizes rows, and makes columns of them
    const made = new Float32Array(to * rows * c), scale = columns / to, wider = filter === "nearest" ? 1 : max(1, scale);
    for (let x = 0; x < to; x++) {
      const middle = (x + .5) * scale, first = max(0, middle - half * wider + .5 | 0), end = min(columns, middle + half * wider + .5 | 0);
      const taps = Array.from({length: end - first}, (_, i) => weight(abs(first + i - middle + .5) * (1 / wider))), all = taps.reduce((a, b) => a + b);
      for (let y = 0; y < rows; y++) for (let k = 0; k < c; k++) {
        let sum = 0;
        for (let i = 0; i < taps.length; i++) sum += taps[i] * from[(y * columns + first + i) * c + k];
        made[(x * rows + y) * c + k] = sum / all;
      }
    }
    from = made;
  }
  if (c > 3) from = from.map((v, i) => i % 4 > 2 ? v : from[i | 3] < .5 ? 0 : v * 255 / from[i | 3]);
  return from.map((v, i) => min(255, max(0, v)) * factor[i % c] + offset[i % c]);
}

/** Lets the canvas be drawn on, white on black, with a pointer or the keys. */
function pen(canvas) {
  const context = canvas.getContext("2d");
  let at = [PEN / 2, PEN / 2], down = false;
  const line = (to) => {
    if (!drawing) clear();
    Object.assign(context, {strokeStyle: "#fff", lineWidth: PEN / 10, lineCap: "round"});
    context.beginPath();
    context.moveTo(...at);
    context.lineTo(...(at = to));
    context.stroke();
    run();
  };
  const clear = () => {
    drawing = true;
    canvas.width = canvas.height = PEN;
    context.fillRect(0, 0, PEN, PEN);
    run();
  };
  const place = (event) => [event.offsetX * PEN / canvas.clientWidth, event.offsetY * PEN / canvas.clientHeight];
  canvas.className = "pen";
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    at = place(event);
    line(at);
  };
  canvas.onpointermove = (event) => event.buttons && line(place(event));
  canvas.onkeydown = (event) => {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0]}[event.key];
    if (!step) return;
    event.preventDefault();
    if (event.key === " ") down = !down;
    const to = at.map((v, i) => min(PEN, max(0, v + (step[i] * PEN) / 20)));
    if (down) line(to);
    else at = to;
  };
  $("clear").hidden = false;
  $("clear").onclick = clear;
}

/** The box around what is drawn, as high as the picture or as wide: scans of digits are cut like that. */
function box(data) {
  let [left, top, right, bottom] = [PEN, PEN, 0, 0];
  for (let y = 0; y < PEN; y++) for (let x = 0; x < PEN; x++) if (data[(y * PEN + x) * 4] > 99) {
    [left, top, right, bottom] = [min(left, x), min(top, y), max(right, x), max(bottom, y)];
  }
  const side = max(right - left, bottom - top) + 1;
  return side < 2 ? [0, 0, PEN, PEN] : [(left + right - side) / 2 | 0, (top + bottom - side) / 2 | 0, side, side];
}

function pixels() {
  if (!shape) return Object.fromEntries(model.inputs.map((t) => [t.name, Float32Array.from({length: t.shape.reduce((a, b) => a * b)}, Math.random)]));
  if (drawing) {
    const {data} = $("input").getContext("2d").getImageData(0, 0, PEN, PEN);
    seen = taken(data, PEN, box(data), BLACK);
  }
  return {[model.inputs[0].name]: turned(shape, seen)};
}

/** The values of a matrix of so many rows and columns, column by column. */
const turned = ([, , , rows, columns], values) => values.map((_, i) => values[i % rows * columns + (i / rows | 0)]);

// ---- output

async function run() {
  again = busy;
  if (busy) return;
  busy = true;
  try {
    do {
      again = false;
      const inputs = pixels(), begin = performance.now(), outputs = await model.predict(inputs);
      const ms = performance.now() - begin;
      best = min(best, ms);
      $("time").textContent = `${ms.toFixed(1)} ms for this run, ${best.toFixed(1)} ms for the fastest`;
      $("output").replaceChildren(...model.outputs.flatMap((t, i) => view(t, outputs[t.name], model.manifest.pictures[i + 1])));
    } while (again);
  } catch (error) {
    problem(error);
  }
  busy = false;
}

/** What shows the first sample of an output. */
function view({name, shape: [, ...size]}, all, picture) {
  const values = all.subarray(0, size.reduce((a, b) => a * b, 1)), title = model.outputs.length > 1 ? [make("small", name)] : [];
  if (picture) return [...title, image(picture, turned(picture, values))];
  if (size.length === 1) return [...title, bars(values)];
  const sum = values.reduce((a, b) => a + b, 0), text = [["min", min], ["max", max]].map(([word, f]) => `${word} ${values.reduce((a, b) => f(a, b)).toPrecision(6)}`);
  return [...title, make("p", `${size.join(" x ")} values: ${text.join(", ")}, mean ${(sum / values.length).toPrecision(6)}`)];
}

function bars(values) {
  const order = [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, TOP), list = make("ol"), {labels} = model.manifest;
  const shares = values.every((v) => v >= 0 && v <= 1), largest = max(...order.map((i) => abs(values[i])));
  for (const i of order) {
    const row = make("li"), length = make("i"), share = shares ? values[i] : max(0, values[i]) / largest;
    row.append(make("span", labels ? labels[i] : `class ${i}`), make("span", shares ? `${(share * 100).toFixed(1)} %` : values[i].toPrecision(5)), length);
    length.style.width = `${share * 100}%`;
    list.append(row);
  }
  return list;
}

function image([h, w, c], values) {
  const canvas = make("canvas", "", {width: w, height: h}), data = new ImageData(w, h), {factor, offset, order} = model.manifest.picture;
  // A model that takes bytes and gives shares of white.
  const full = factor[0] === 1 && values.every((v) => v <= 1) ? 255 : 1;
  for (let i = 0; i < h * w * 4; i++) {
    const k = c > 1 ? order[i % 4] : 0;
    data.data[i] = i % 4 > 2 && c < 4 ? 255 : (values[(i >> 2) * c + k] - offset[k]) / factor[k] * full;
  }
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}

async function profile() {
  if (!$("profile").open) return;
  const passes = await model.profile(), table = make("table");
  const row = (tag, cells) => table.insertRow().append(...cells.map((cell) => make(tag, cell)));
  row("th", ["", "layer", "kernel", "texels", passes[0].method === "timer" ? "ms" : "ms, with waiting"]);
  for (const p of passes) row("td", [p.pass, p.layer, p.kernel, `${p.width} x ${p.height}`, p.ms === null ? "?" : p.ms.toFixed(3)]);
  $("passes").replaceChildren(table);
}

$("run").onclick = run;
$("profile").ontoggle = () => profile().catch(problem);
start().catch(problem);
