// What a page does that is opened with ?check: it compares each draw on this GPU with what Python wrote into the export.
// Measures and judges as golden.py does, which says why. Loaded by page.js, which has the model ready.
import {crc32, fetchBytes} from "./runner.js";

const VERSION = 1; // of the golden data, and of what is offered as JSON
const BANDS = 4;
const STATISTICS = ["mean", "signed mean", "least", "greatest"];
const COUNTS = {texels: "texels", lanes: "lanes", nan: "NaN", inf: "infinities"};
const WORDS = {equal: "bit-equal", within: "within tolerance", wrong: "wrong"};
const PAUSE = 50; // ms of draws after which the page gets a turn
const {model} = globalThis, {plan, manifest, variant} = model;
const make = (tag, props = {}, ...inner) => {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...inner);
  return node;
};
const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const number = (value) => Number.isFinite(value) ? value : `${value}`; // which JSON would make null

// ---- measuring

/** The numbers of draws in the order in which they are made, those of repeats in every turn. */
function* taken(steps) {
  for (const step of steps) {
    if (!step.steps) yield step;
    else for (let t = 0; t < step.count; t++) yield* taken(step.steps);
  }
}

/** What a draw left in its target: values by texel, `lanes` each. */
function pixels(gl, {texture, layers}, [x, y, width, height], codec) {
  const bytes = texture.format === "rgba8", count = width * height, all = new (bytes ? Uint8Array : Float32Array)(layers * count * 4);
  gl.finish(); // as Python does: llvmpipe may read before it has drawn
  for (let i = 0; i < layers; i++) {
    if (texture.layers) gl.readBuffer(gl.COLOR_ATTACHMENT0 + i);
    gl.readPixels(x, y, width, height, gl.RGBA, bytes ? gl.UNSIGNED_BYTE : gl.FLOAT, all.subarray(i * count * 4, (i + 1) * count * 4));
  }
  const soft = codec === "rgba8";
  return {lanes: soft ? 1 : 4, values: soft ? new Float32Array(all.buffer) : bytes ? Float32Array.from(all) : all};
}

/** The same in few numbers; `at`: the texels that are kept. */
function record({values, lanes}, at) {
  const count = values.length / lanes, used = Math.min(BANDS, count), bands = [];
  let nan = 0, inf = 0;
  for (let band = 0; band < used; band++) for (let lane = 0; lane < lanes; lane++) {
    const first = Math.ceil(band * count / used), end = Math.ceil((band + 1) * count / used);
    let sum = 0, signed = 0, least = Infinity, greatest = -Infinity;
    for (let i = first; i < end; i++) {
      const value = values[i * lanes + lane];
      if (value - value === 0) {
        sum += value;
        signed += (Math.imul(i, 2654435761) >>> 13) & 1 ? -value : value;
        if (value < least) least = value;
        if (value > greatest) greatest = value;
      } else if (value !== value) nan++;
      else inf++;
    }
    bands.push([sum / (end - first), signed / (end - first), least, greatest].map((v) => Number.isFinite(v) ? +v.toPrecision(7) : 0));
  }
  const samples = at.map((i) => Array.from({length: lanes}, (_, lane) => number(values[i * lanes + lane])));
  if (nan) values.forEach((value, i) => value === value || (new Uint32Array(values.buffer)[i] = 0x7fc00000)); // any NaN is as good as another
  return {crc32: crc32(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)), texels: count, lanes, nan, inf, at, samples, bands};
}

/** How a record compares with Python's: state, the worst difference in tolerances, where, and both values there. */
function judge(golden, got) {
  if (golden.crc32 === got.crc32) return {state: "equal", error: 0, what: "", here: 0, there: 0};
  for (const [name, word] of Object.entries(COUNTS)) {
    if (golden[name] !== got[name]) return {state: "wrong", error: Infinity, what: `count of ${word}`, here: golden[name], there: got[name]};
  }
  let worst = {state: "within", error: 0, what: "a bit somewhere", here: 0, there: 0};
  const see = (what, one, other, allowed) => {
    const here = +one, there = +other;
    if (here === there || here !== here && there !== there) return;
    const off = Math.abs(here - there), error = Number.isFinite(off) && allowed ? off / allowed : Infinity;
    if (error > worst.error) worst = {state: error <= 1 ? "within" : "wrong", error, what, here, there};
  };
  const [value, mean] = golden.tolerance, {lanes} = golden;
  golden.at.forEach((at, i) => golden.samples[i].forEach((v, lane) => see(`texel ${at}, lane ${lane}`, v, got.samples[i][lane], value)));
  golden.bands.forEach((row, i) => row.forEach((v, k) => see(`${STATISTICS[k]} of band ${Math.floor(i / lanes)}, lane ${i % lanes}`, v, got.bands[i][k], k > 1 ? value : mean)));
  return worst;
}

/** A row for each record of Python's, in the order of the draws. onRow hears of each. */
async function compare(golden, inputs, onRow) {
  const {_device: device} = model, {gl} = device, rows = [], turns = plan.draws.map(() => 0), order = taken(plan.steps);
  const spoiled = []; // where what is wrong lies, or follows from what is
  const targets = new Map();
  const target = (framebuffer) => {
    if (!targets.has(framebuffer)) for (const texture of model._slots) for (const key in texture.targets) {
      const [first, layers] = key.split(",").map(Number);
      targets.set(texture.targets[key], {texture, first, layers});
    }
    return targets.get(framebuffer);
  };
  const see = ({framebuffer, viewport, textures}) => {
    const draw = order.next().value, turn = turns[draw]++, into = target(framebuffer), [, y, , height] = viewport;
    const inherited = spoiled.some((place) => textures.includes(place.texture));
    const place = {texture: into.texture, first: into.first, end: into.first + into.layers, y, top: y + height}, expected = golden.draws[rows.length];
    let good = !inherited;
    if (expected && expected.draw === draw && expected.turn === turn) {
      const {label: layer, kernel} = plan.draws[draw], got = record(pixels(gl, into, viewport, expected.codec), expected.at);
      const row = {draw, turn, layer, kernel, codec: expected.codec, ...judge(expected, got), inherited, ...got};
      good = row.state !== "wrong";
      rows.push(row);
      onRow(rows, golden.draws.length);
    }
    if (!good) spoiled.push(place);
    else for (let i = spoiled.length; i--;) {
      const {texture, first, end, y: low, top} = spoiled[i];
      if (texture === place.texture && first >= place.first && end <= place.end && low >= place.y && top <= place.top) spoiled.splice(i, 1);
    }
  };
  await model._next(async () => {
    const {_steps: steps, _generation: generation, _fastest: fastest} = model;
    Object.assign(model, {_steps: [], _read() {}});
    try {
      await model._predict(model._packed(inputs)); // checks the inputs and uploads them; draws nothing, and reads nothing
    } finally {
      delete model._read; // the class has it
      Object.assign(model, {_steps: steps, _fastest: fastest});
    }
    const drawn = device.draw;
    device.draw = (args) => {
      drawn.call(device, args);
      see(args);
    };
    try {
      let since = performance.now();
      for (const take of steps) {
        take();
        if (performance.now() - since < PAUSE) continue;
        await new Promise((resolve) => setTimeout(resolve));
        model._same(generation);
        since = performance.now();
      }
    } finally {
      delete device.draw;
    }
    model._same(generation);
    model._check("the check");
  });
  if (rows.length !== golden.draws.length) throw new Error(`The export holds ${golden.draws.length} golden draws, and ${rows.length} of them were made: its plan is another. Export again`);
  return rows;
}

/** What there is to know of this GPU and browser. */
function device() {
  const {gl, backend} = model._device, info = gl.getExtension("WEBGL_debug_renderer_info"), float = gl.getShaderPrecisionFormat(gl.FRAGMENT_SHADER, gl.HIGH_FLOAT);
  return {
    gpu: model.renderer,
    vendor: gl.getParameter(info ? info.UNMASKED_VENDOR_WEBGL : gl.VENDOR),
    backend,
    version: gl.getParameter(gl.VERSION),
    precision: {bits: float.precision, range: float.rangeMax},
    max_texture_size: gl.getParameter(gl.MAX_TEXTURE_SIZE),
    browser: navigator.userAgent,
  };
}

// ---- showing

const digits = (count) => (value) => Number.isFinite(value) ? `${+value.toPrecision(count)}` : `${value}`;
const short = digits(6), exact = digits(9); // all digits of a float32
const chip = ({state, inherited}) => make("span", {className: `chip ${state}`}, WORDS[state] + (state === "wrong" && inherited ? ", follows" : ""));
const off = ({error}) => error ? `${error < 1e-3 ? "< 0.001" : +error.toPrecision(3)}` : "0";

/** A table in a box that scrolls by itself; cells are texts or nodes, numbers stand to the right. */
function table(head, rows, wide = []) {
  const node = make("table"), kind = (k, value) => [typeof value === "number" ? "n" : "", wide.includes(k) ? "wide" : ""].join(" ");
  node.append(make("tr", {}, ...head.map((text, k) => make("th", {className: kind(k, rows.length && rows[0][k])}, text))));
  for (const row of rows) node.append(make("tr", {}, ...row.map((value, k) => make("td", {className: kind(k, value)}, typeof value === "number" ? short(value) : value))));
  const box = make("div", {className: "scroll", tabIndex: 0}, node); // which the keyboard scrolls, too
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", head.join(", "));
  return box;
}

const named = (row) => `draw ${row.draw + 1}${row.turn ? `, turn ${row.turn + 1}` : ""}`;

/** The first bad draw: what is wrong with it, and its samples beside Python's. */
function worst(row, golden) {
  const [value] = golden.tolerance, cells = [];
  golden.samples.forEach((sample, i) => sample.forEach((v, lane) => {
    const here = +v, there = +row.samples[i][lane], bad = !(Math.abs(here - there) <= value) && String(here) !== String(there);
    cells.push([bad, [`${golden.at[i]}.${"xyzw"[lane]}`, here, make("span", {className: bad ? "off" : ""}, short(there))]]);
  }));
  cells.sort((a, b) => b[0] - a[0]);
  const bad = cells.filter((cell) => cell[0]).length;
  return make("section", {className: "bad"},
    make("h2", {}, `First bad draw: ${row.draw + 1} of ${plan.draws.length}${row.turn ? `, in turn ${row.turn + 1}` : ""}`),
    make("p", {}, `Layer ${row.layer}, kernel ${row.kernel}: ${row.what} is ${exact(row.there)} here, ${exact(row.here)} in Python${row.error < Infinity ? ` (${off(row)} times what rounding may do)` : ""}.`),
    make("p", {}, `${bad} of ${plural(cells.length, "sampled value")} off by more than ${short(value)}. NaN: ${row.nan} here, ${golden.nan} in Python; infinite: ${row.inf} here, ${golden.inf} in Python.`),
    table(["texel", "Python", "here"], cells.slice(0, 16).map((cell) => cell[1])));
}

/** Rows, bad ones that nothing bad came before first, then bad ones, then all others as they are drawn. */
function list(rows, golden) {
  const rank = (row) => row.state !== "wrong" ? 2 : row.inherited ? 1 : 0;
  const order = rows.map((row, i) => [row, golden.draws[i]]).sort(([a], [b]) => rank(a) - rank(b));
  const cells = ([row, expected]) => [
    `${row.draw + 1}${row.turn ? ` (turn ${row.turn + 1})` : ""}`,
    make("span", {}, row.layer, make("small", {}, row.kernel)),
    make("span", {}, chip(row), row.state === "equal" ? "" : make("small", {}, row.error < Infinity ? `${off(row)} of tolerance, ${row.what}` : row.what)),
    row.state === "equal" ? "" : make("span", {className: "value"}, exact(row.here), make("small", {}, exact(row.there))),
    row.nan || expected.nan || row.inf || expected.inf ? make("span", {}, `${row.nan} / ${row.inf}`, make("small", {}, `Python ${expected.nan} / ${expected.inf}`)) : "0",
    row.codec,
  ];
  return make("section", {}, make("h2", {}, "Draws"), table(["draw", "layer, kernel", "result", "Python, here", "NaN / inf", "stored as"], order.map(cells), [4, 5]));
}

function facts(about, golden) {
  const {precision} = about, texts = {
    GPU: about.gpu, vendor: about.vendor, variant: `${variant} (${about.version})`,
    precision: `highp float of ${precision.bits} bits, up to 2^${precision.range}${precision.bits < 23 ? ": less than float32" : ""}`,
    "golden by": golden.computed_by, browser: about.browser,
  };
  return make("section", {}, make("h2", {}, "This device"), make("dl", {}, ...Object.entries(texts).flatMap(([name, text]) => [make("dt", {}, name), make("dd", {}, text)])));
}

function copied(text) {
  const area = make("textarea", {value: text, readOnly: true});
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy"); // what works without a secure context, too
  area.remove();
  return done;
}

function tools(json) {
  const text = JSON.stringify(json), name = `${json.model}-${variant}-check.json`.replace(/[^\w.-]+/g, "_");
  const download = make("a", {href: URL.createObjectURL(new Blob([text], {type: "application/json"})), download: name, className: "file", id: "download"}, "Download the JSON");
  const copy = make("button", {id: "copy"}, "Copy it"), told = make("small", {role: "status"});
  copy.onclick = async () => {
    const done = navigator.clipboard ? await navigator.clipboard.writeText(text).then(() => true, () => copied(text)) : copied(text);
    told.textContent = done ? "Copied." : "The browser does not let this page copy. Download it.";
  };
  const others = manifest.variants.filter((v) => v.name !== variant).flatMap((v) => [" ", make("a", {href: `?check&variant=${v.name}`}, v.name)]);
  return make("section", {}, make("h2", {}, "Beside Python's"),
    make("p", {}, "glnn compare --from FILE.json FOLDER prints this beside what Python gets."),
    make("div", {className: "row"}, download, copy, told), others.length ? make("p", {}, make("small", {}, "Check another variant:", ...others)) : "");
}

function verdict(rows) {
  const count = (state) => rows.filter((row) => row.state === state).length, wrong = count("wrong"), first = rows.find((row) => row.state === "wrong");
  const text = wrong ? `${plural(wrong, "draw")} of ${rows.length} wrong, the first is ${named(first)} of layer ${first.layer}` : `This GPU computes what Python does: ${plural(count("equal"), "draw")} equal in every bit, ${count("within")} within tolerance`;
  return make("section", {className: wrong ? "bad" : "good", id: "verdict", role: "status"}, make("h2", {}, wrong ? "Something is wrong here" : "All is well"), make("p", {}, `${text}.`));
}

async function check() {
  const held = manifest.check, file = held && held.golden[variant];
  if (!file) throw new Error("This export holds nothing to check by. Export it again with export_web(..., check=True), or glnn export-web --check");
  const about = document.getElementById("about"), get = (item) => fetchBytes(document.baseURI, item, {onBytes() {}, search: ""});
  const golden = JSON.parse(new TextDecoder().decode(await get(file))), inputs = {};
  if (golden.version !== VERSION) throw new Error(`${file.file} is of version ${golden.version}, this page reads ${VERSION}. Export again, and keep the check.js of that export`);
  for (const item of held.inputs) inputs[item.name] = new Float32Array((await get(item)).buffer);
  const rows = await compare(golden, inputs, ({length}, all) => (about.textContent = `Checking draw ${length} of ${all}`));
  const on = device(), first = rows.findIndex((row) => row.state === "wrong");
  const json = {
    format: "glnn-field-check", version: VERSION, model: model.name, variant, limits: plan.limits, golden: file, seed: held.seed,
    picture: manifest.picture, inputs: held.inputs.map((item, i) => ({...item, shape: model.inputs[i].shape})), time: new Date().toISOString(), device: on,
    draws: rows.map(({error, here, there, ...row}) => ({...row, error: number(error), here: number(here), there: number(there)})),
  };
  about.textContent = `${variant} on ${model.renderer}`;
  document.head.append(make("link", {rel: "stylesheet", href: "check.css"}));
  const shown = [verdict(rows), first < 0 ? "" : worst(rows[first], golden.draws[first]), list(rows, golden), facts(on, golden), tools(json)].filter(Boolean);
  document.querySelector("main").append(make("div", {id: "check"}, ...shown));
  globalThis.fieldCheck = json;
}

await check();
