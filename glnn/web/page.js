// The page of an exported model: a picture or a drawing in, classes or a picture out. What runs the model is runner.js.
import {load} from "./runner.js";

const $ = (id) => document.getElementById(id);
const make = (tag, text = "", props = {}) => Object.assign(document.createElement(tag), {textContent: text}, props);
const MB = (bytes) => (bytes / 1e6).toFixed(1);
const TOP = 5; // classes that are shown
const FACTOR = {raw: [1, 0], unit: [1 / 255, 0], signed: [2 / 255, -1]}; // of a picture's bytes, as in `glnn predict --scale`
const PEN = 320; // pixels a side of the drawing

let model, busy, again, best = Infinity;

function problem(error) {
  $("bar").hidden = true;
  $("problem").hidden = false;
  $("problem").textContent = error.message || error;
  if (!model) $("name").textContent = "This model did not load";
}

async function start() {
  const query = new URLSearchParams(location.search);
  model = globalThis.model = await load("./", {
    backend: query.get("backend") || "auto",
    variant: query.get("variant") || undefined,
    onProgress({loaded, total}) {
      $("bar").value = loaded / total;
      $("about").textContent = loaded < total ? `${MB(loaded)} of ${MB(total)} MB` : "Compiling shaders";
    },
  });
  model.addEventListener("contextlost", () => problem("The browser took the graphics context away. Waiting for it to come back."));
  model.addEventListener("error", ({error}) => problem(error));
  model.addEventListener("contextrestored", () => {
    $("problem").hidden = true;
    run();
  });
  document.title = $("name").textContent = model.name;
  $("about").textContent = `${model.variant} on ${model.renderer}`;
  $("bar").hidden = true;
  $("cards").hidden = $("profile").hidden = false;
  prepare();
  run();
}

// ---- input

let shape, drawing;

function prepare() {
  shape = model.inputs[0].shape;
  const picture = model.inputs.length === 1 && shape.length === 4 && [1, 3, 4].includes(shape[3]), canvas = $("input");
  if (!picture) {
    canvas.hidden = $("choose").hidden = true;
    shape = null;
    $("hint").textContent = `The input ${model.inputs.map((t) => `${t.name} (${t.shape.join(" x ")})`).join(", ")} is no picture: each run takes random values.`;
    return;
  }
  drawing = shape[3] === 1 && shape[1] <= 64 && shape[2] <= 64;
  [canvas.width, canvas.height] = drawing ? [PEN, PEN] : [shape[2], shape[1]];
  canvas.setAttribute("aria-label", drawing ? "Drawing" : "Picture");
  canvas.getContext("2d", {willReadFrequently: true}).fillRect(0, 0, canvas.width, canvas.height);
  $("hint").textContent = drawing ? "Draw with a finger or the mouse, or drop a picture. Keys: arrows move the pen, Space sets it down or lifts it." : "Drop a picture here, paste one, or choose a file.";
  if (drawing) pen(canvas);
  $("file").onchange = () => $("file").files[0] && show($("file").files[0]);
  document.onpaste = (event) => event.clipboardData.files[0] && show(event.clipboardData.files[0]);
  document.ondragover = (event) => (event.preventDefault(), canvas.classList.add("drop"));
  document.ondragleave = () => canvas.classList.remove("drop");
  document.ondrop = (event) => {
    event.preventDefault();
    canvas.classList.remove("drop");
    if (event.dataTransfer.files[0]) show(event.dataTransfer.files[0]);
  };
}

async function show(file) {
  try {
    const image = await createImageBitmap(file), canvas = $("input"), context = canvas.getContext("2d");
    drawing = false;
    [canvas.width, canvas.height] = [shape[2], shape[1]];
    context.imageSmoothingQuality = "high";
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    $("problem").hidden = true;
    run();
  } catch {
    problem(`${file.name} is no picture that this browser reads. Choose a PNG or JPEG file.`);
  }
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
    const to = at.map((v, i) => Math.min(PEN, Math.max(0, v + (step[i] * PEN) / 20)));
    if (down) line(to);
    else at = to;
  };
  $("clear").hidden = false;
  $("clear").onclick = clear;
}

/** The box around what is drawn, as high as the picture or as wide: scans of digits are cut like that. */
function box(context) {
  const {data} = context.getImageData(0, 0, PEN, PEN);
  let [left, top, right, bottom] = [PEN, PEN, 0, 0];
  for (let y = 0; y < PEN; y++) for (let x = 0; x < PEN; x++) if (data[(y * PEN + x) * 4] > 99) {
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
  }
  const side = Math.max(right - left, bottom - top) + 1;
  return side < 2 ? [0, 0, PEN, PEN] : [(left + right - side) / 2, (top + bottom - side) / 2, side, side];
}

function pixels() {
  if (!shape) return Object.fromEntries(model.inputs.map((t) => [t.name, Float32Array.from({length: t.shape.reduce((a, b) => a * b)}, Math.random)]));
  const [, h, w, c] = shape, small = make("canvas", "", {width: w, height: h}), context = small.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.fillRect(0, 0, w, h);
  context.drawImage($("input"), ...(drawing ? box($("input").getContext("2d")) : [0, 0, w, h]), 0, 0, w, h);
  const {data} = context.getImageData(0, 0, w, h), [factor, offset] = FACTOR[model.manifest.scale];
  const grey = (i) => 0.299 * data[i] + 0.587 * data[i + 1] + 0.114 * data[i + 2];
  const value = (i) => (c === 1 ? grey(i * 4) : data[((i / c) | 0) * 4 + (i % c)]);
  return {[model.inputs[0].name]: Float32Array.from({length: h * w * c}, (_, i) => value(i) * factor + offset)};
}

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
      best = Math.min(best, ms);
      $("time").textContent = `${ms.toFixed(1)} ms for this run, ${best.toFixed(1)} ms for the fastest`;
      $("output").replaceChildren(...model.outputs.flatMap((t) => view(t, outputs[t.name])));
    } while (again);
  } catch (error) {
    problem(error);
  }
  busy = false;
}

/** What shows the first sample of an output. */
function view({name, shape: [, ...size]}, all) {
  const values = all.subarray(0, size.reduce((a, b) => a * b, 1)), title = model.outputs.length > 1 ? [make("small", name)] : [];
  if (size.length === 3 && size[0] * size[1] > 1 && [1, 3, 4].includes(size[2])) return [...title, image(size, values)];
  if (size.length === 1) return [...title, bars(values)];
  const sum = values.reduce((a, b) => a + b, 0), text = [["min", Math.min], ["max", Math.max]].map(([word, f]) => `${word} ${values.reduce((a, b) => f(a, b)).toPrecision(6)}`);
  return [...title, make("p", `${size.join(" x ")} values: ${text.join(", ")}, mean ${(sum / values.length).toPrecision(6)}`)];
}

function bars(values) {
  const order = [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, TOP), list = make("ol"), {labels} = model.manifest;
  const shares = values.every((v) => v >= 0 && v <= 1), largest = Math.max(...order.map((i) => Math.abs(values[i])));
  for (const i of order) {
    const row = make("li"), length = make("i"), share = shares ? values[i] : Math.max(0, values[i]) / largest;
    row.append(make("span", labels ? labels[i] : `class ${i}`), make("span", shares ? `${(share * 100).toFixed(1)} %` : values[i].toPrecision(5)), length);
    length.style.width = `${share * 100}%`;
    list.append(row);
  }
  return list;
}

function image([h, w, c], values) {
  const canvas = make("canvas", "", {width: w, height: h}), data = new ImageData(w, h), [factor, offset] = FACTOR[model.manifest.scale];
  for (let i = 0; i < h * w; i++) for (let k = 0; k < 4; k++) {
    data.data[i * 4 + k] = k === 3 && c < 4 ? 255 : (values[i * c + (c === 1 ? 0 : k)] - offset) / factor;
  }
  canvas.getContext("2d").putImageData(data, 0, 0);
  return canvas;
}

async function profile() {
  if (!$("profile").open) return;
  const passes = await model.profile(), table = make("table");
  const row = (tag, cells) => cells.map((cell) => make(tag, cell)).reduce((tr, cell) => (tr.append(cell), tr), table.insertRow());
  row("th", ["", "layer", "kernel", "texels", passes[0].method === "timer" ? "ms" : "ms, with waiting"]);
  for (const p of passes) row("td", [p.pass, p.layer, p.kernel, `${p.width} x ${p.height}`, p.ms === null ? "?" : p.ms.toFixed(3)]);
  $("passes").replaceChildren(table);
}

$("run").onclick = run;
$("profile").ontoggle = () => profile().catch(problem);
start().catch(problem);
