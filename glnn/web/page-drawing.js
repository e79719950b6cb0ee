// The input part of models that take a small grey picture: it is drawn, white on black, with a pointer or the keys.
import {button, make, run} from "./page.js";
import {open as picture} from "./page-picture.js";
import {BLACK, taken, turned} from "./page-pixels.js";

const SIDE = 320; // pixels of the drawing
const {max, min} = Math;

export function open(model, place) {
  const part = picture(model, place, false), {canvas, row, drop, ask, put, claim} = part, {manifest, inputs: [{name}]} = model, [shape] = manifest.pictures;
  let context, drawing, drawn, down, at = [SIDE / 2, SIDE / 2];

  const clear = () => {
    canvas.width = canvas.height = SIDE;
    canvas.className = "pen";
    canvas.style.imageRendering = "";
    canvas.style.setProperty("--ratio", 1);
    context = canvas.getContext("2d", {willReadFrequently: true});
    context.fillRect(0, 0, SIDE, SIDE);
    drawing = true;
    drawn = false;
    run();
  };
  const line = (to) => {
    claim(); // a picture that is still being read does not wipe this out
    if (!drawing) clear();
    drawn = true;
    Object.assign(context, {strokeStyle: "#fff", lineWidth: SIDE / 10, lineCap: "round"});
    context.beginPath();
    context.moveTo(...at);
    context.lineTo(...(at = to));
    context.stroke();
    run();
  };
  const spot = (event) => [event.offsetX * SIDE / canvas.clientWidth, event.offsetY * SIDE / canvas.clientHeight];
  canvas.onpointerdown = (event) => {
    if (!event.isPrimary) return; // a second finger
    canvas.setPointerCapture(event.pointerId);
    at = spot(event);
    line(at);
  };
  canvas.onpointermove = (event) => event.isPrimary && event.buttons && line(spot(event));
  canvas.onkeydown = (event) => {
    const step = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1], " ": [0, 0]}[event.key];
    if (!step) return;
    event.preventDefault();
    if (event.key === " ") down = !down;
    const to = at.map((v, i) => min(SIDE, max(0, v + (step[i] * SIDE) / 20)));
    if (down) line(to);
    else at = to;
  };
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.hidden = false;
  canvas.setAttribute("aria-label", "Drawing. Arrow keys move the pen, Space sets it down and lifts it");
  drop.hidden = true;
  row.firstChild.classList.remove("main"); // what this page is for is drawing
  row.append(button("Clear", () => {
    claim();
    clear();
  }));
  place.append(make("p", {className: "hint"}, "With keys: arrows move the pen, Space sets it down or lifts it."));
  part.empty = "Draw something, and the answer comes here";
  part.ask = () => {
    if (!drawing) return ask();
    if (!drawn) return;
    const {data} = context.getImageData(0, 0, SIDE, SIDE);
    return {[name]: turned(shape, taken(manifest, shape, data, SIDE, box(data), BLACK))};
  };
  part.put = (...given) => {
    drawing = false;
    canvas.className = "";
    put(...given);
  };
  clear();
  return part;
}

/** The box around what is drawn, as high as the picture or as wide: scans of digits are cut like that. */
function box(data) {
  let [left, top, right, bottom] = [SIDE, SIDE, 0, 0];
  for (let y = 0; y < SIDE; y++) for (let x = 0; x < SIDE; x++) if (data[(y * SIDE + x) * 4] > 99) {
    [left, top, right, bottom] = [min(left, x), min(top, y), max(right, x), max(bottom, y)];
  }
  const side = max(right - left, bottom - top) + 1;
  return side < 2 ? [0, 0, SIDE, SIDE] : [(left + right - side) / 2 | 0, (top + bottom - side) / 2 | 0, side, side];
}
