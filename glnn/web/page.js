// The page of an exported model: loads it, takes what its input part offers, and shows what comes out. What runs the
// model is runner.js. Parts are loaded when they are needed: one for the kind of input, the others by that.
import {load} from "./runner.js";

export const $ = (id) => document.getElementById(id);
/** An element with properties, and with nodes or texts in it. */
export const make = (tag, props = {}, ...inner) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...inner);
  return node;
};
export const button = (text, onclick, className = "") => make("button", {type: "button", onclick, className}, text);
export const size = (shape) => shape.reduce((a, b) => a * b, 1);

const MB = (bytes) => (bytes / 1e6).toFixed(1);
const TOP = 5; // classes that are shown
const PAUSE = 600; // ms without a new result, after which it is read out

let model, part, turn, busy, again, saying, problems = 0, best = Infinity;

export function problem(error) {
  problems++;
  $("bar").hidden = true;
  $("problem").hidden = false;
  $("problem").textContent = error.message || error;
  if (!model) $("name").textContent = "This model did not load";
}

export const solved = () => ($("problem").hidden = true);

async function start() {
  solved(); // what says until now that the page did not start
  $("problem").className = "";
  $("bar").hidden = false;
  $("name").textContent = "Loading";
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
    solved();
    run();
  });
  document.title = $("name").textContent = model.name;
  $("about").textContent = "Runs on your device and sends nothing";
  $("bar").hidden = true;
  if (query.has("check")) return import("./check.js");
  part = await (await import(`./page-${model.manifest.page.kind}.js`)).open(model, $("place"));
  $("cards").hidden = $("profile").hidden = false;
  run();
}

/** Predicts on what the input offers, and shows it; once more at the end where that has changed meanwhile. Done when it is shown. */
export function run() {
  again = true;
  if (!busy && part) turn = turns();
  return turn;
}

async function turns() {
  busy = true;
  while (again) {
    again = false;
    const before = problems;
    try {
      const given = part.ask(), words = [];
      if (!given) {
        $("output").replaceChildren(make("p", {className: "empty"}, part.empty));
        $("time").textContent = "";
        continue;
      }
      // Every sample of a batch is the one that there is; a picture is left to the runner.
      const inputs = Object.fromEntries(model.inputs.map(({name, shape}) => [name, given[name].length ? Float32Array.from({length: size(shape)}, (_, i) => given[name][i % given[name].length]) : given[name]]));
      const begin = performance.now(), outputs = await model.predict(inputs), ms = performance.now() - begin, nodes = [];
      best = Math.min(best, ms);
      for (const [i, tensor] of model.outputs.entries()) {
        if (model.outputs.length > 1) nodes.push(make("small", {}, tensor.name));
        nodes.push(...[await view(tensor, outputs[tensor.name].subarray(0, size(tensor.shape.slice(1))), i, words, given)].flat());
      }
      const pressed = [...$("output").querySelectorAll("button")].indexOf(document.activeElement);
      $("output").replaceChildren(...nodes);
      if (pressed >= 0) $("output").querySelectorAll("button")[pressed].focus(); // which went with what it was in
      $("time").textContent = `${ms.toFixed(1)} ms${ms > best ? `, ${best.toFixed(1)} ms at best` : ""}`;
      clearTimeout(saying);
      saying = setTimeout(() => ($("say").textContent = words.join(", ")), PAUSE);
      if (before === problems) solved(); // what was told since then is still so
    } catch (error) {
      problem(error);
    }
  }
  busy = false;
}

/** What shows an output's first sample. words: take what is read out; given: what was predicted on. */
async function view(tensor, values, i, words, given) {
  const {pictures, labels} = model.manifest, picture = pictures[i + 1], [, ...sizes] = tensor.shape;
  const own = part.view && part.view(tensor, values, words, given);
  if (own) return own;
  if (picture) {
    const {image, turned} = await import("./page-pixels.js");
    return image(model.manifest, picture, turned(picture, values));
  }
  const names = labels && labels.length === values.length && labels, shares = values.every((v) => v >= 0 && v <= 1);
  if (names || shares && sizes.length < 2 || pictures[0] && sizes.length < 2) return bars(values, names, shares, words);
  if (values.length > 12) return (await import("./page-chart.js")).lines([values], words);
  if (values.length < 2) {
    words.push(`${+values[0].toPrecision(5)}`);
    return make("div", {className: "one"}, ...words.slice(-1));
  }
  return make("ol", {className: "plain"}, ...Array.from(values, (v, k) => make("li", {}, make("span", {}, `value ${k}`), make("span", {}, `${+v.toPrecision(5)}`))));
}

function bars(values, names, shares, words) {
  const order = [...values.keys()].sort((a, b) => values[b] - values[a]).slice(0, TOP), largest = Math.max(...order.map((i) => Math.abs(values[i])));
  return make("ol", {}, ...order.map((i, at) => {
    const length = make("i"), share = shares ? values[i] : Math.max(0, values[i]) / largest || 0;
    const name = names ? names[i] : `class ${i}`, text = shares ? `${(share * 100).toFixed(1)} %` : values[i].toPrecision(5);
    length.style.width = `${share * 100}%`;
    if (!at) words.push(`${name}, ${text}`);
    return make("li", {}, make("span", {}, name), make("span", {}, text), length);
  }));
}

$("profile").ontoggle = () => $("profile").open && import("./page-passes.js").then(({passes}) => passes(model)).catch(problem);
start().catch(problem);
