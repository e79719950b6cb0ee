// Replays a plan that glnn exported: textures, shader texts and draws. Knows no operator, needs no other package.
//
//     import * as glnn from "./runner.js";
//     const model = await glnn.load("folder/", {onProgress: ({loaded, total}) => ...});
//     const {probabilities} = await model.predict({image: new Float32Array(64)});

const VERSION = 2; // of manifest.json and of the plans
const BACKENDS = ["webgl2", "webgl1"];
const LOSS = ["webglcontextlost", "webglcontextrestored"];
const KINDS = {textures: "Texture", buffers: "Buffer", programs: "Program", framebuffers: "Framebuffer"};
const PROFILE_LIMIT = 10000; // ms that profile() waits for the timer queries

/** Every error of this module. `code` is one of the names in runner.d.ts; the message says what to do next. */
export class GlnnError extends Error {
  constructor(code, message) {
    super(message);
    this.name = "GlnnError";
    this.code = code;
  }
}

const fail = (code, message) => {
  throw new GlnnError(code, message);
};

// ---- files: fetched with progress, checked by length and CRC-32 (works without a secure context, unlike crypto.subtle)

const CRC = Uint32Array.from({length: 256}, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1;
  return n;
});

function crc32(bytes) {
  let crc = -1;
  for (let i = 0; i < bytes.length; i++) crc = CRC[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

async function request(url, signal) {
  let response;
  try {
    response = await fetch(url, {signal});
  } catch (error) {
    fail("network", `${url} could not be fetched (${error.message}). Is the server running? A page opened as a file cannot fetch`);
  }
  if (!response.ok) fail("not-found", `${url}: the server answers ${response.status}. Is this a folder that glnn exported, copied whole?`);
  return response;
}

/** The bytes of a file of the manifest, written into `into` if given; onBytes hears of each piece. */
async function fetchBytes(base, file, {signal, onBytes = () => {}, into = new Uint8Array(file.bytes)}) {
  const url = new URL(file.file, base);
  const broken = (what) => fail("bad-data", `${url}: ${what}. Copy the exported folder again, whole`);
  const reader = (await request(url, signal)).body.getReader();
  let size = 0;
  for (;;) {
    const {done, value} = await reader.read().catch((error) => fail("network", `${url}: the transfer broke off (${error.message})`));
    if (done) break;
    if (size + value.length > into.length) broken(`more than the ${into.length} bytes that the manifest states`);
    into.set(value, size);
    size += value.length;
    onBytes(value.length);
  }
  if (size !== into.length) broken(`${size} bytes of ${into.length}: truncated`);
  if (crc32(into) !== file.crc32) broken("the checksum differs from the manifest's");
  return into;
}

async function fetchManifest(base) {
  const url = new URL("manifest.json", base);
  let manifest;
  try {
    manifest = JSON.parse(await (await request(url)).text());
  } catch (error) {
    if (error instanceof GlnnError) throw error;
  }
  if (!manifest || !manifest.variants) fail("not-found", `${url} is no manifest of glnn. Give the address of a folder that glnn exported`);
  known(manifest.version, url);
  return manifest;
}

function known(version, url) {
  if (version !== VERSION) fail("bad-version", `${url} has format version ${version}; this runner reads ${VERSION}. Export again, and keep the runner.js of that export`);
}

// ---- layouts: where values lie in textures (as layout.py has it), and what texels are made of (as codec.py has it)

/** Room for the values of all parts, in those texels that hold some. */
const room = ({parts, layers, width, height}, lanes, Values) => new Values(parts * layers * width * height * lanes);

/** Moves row-major values into the texels of a tensor's parts, one after another, or back: see room. */
function move(layout, lanes, texels, values, back) {
  const {dims: [N, H, W, C], block: [bh, bw], tile: [ph, pw], flat, layers, width, height, columns, part_rows: partRows} = layout;
  const tiles = (Math.ceil(C / 4) * 4) / lanes; // of a pixel plane
  let i = 0;
  for (let n = 0; n < N; n++) for (let h = 0; h < H; h++) for (let w = 0; w < W; w++) {
    const layer = flat ? 0 : (h % bh) * bw + (w % bw), y = flat ? 0 : (h / bh) | 0, x = flat ? 0 : (w / bw) | 0;
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

// ---- WebGL: a context with its live objects counted

class Device {
  constructor(backend) {
    this.backend = backend;
    this.canvas = typeof document === "undefined" ? new OffscreenCanvas(1, 1) : document.createElement("canvas");
    const settings = {antialias: false, depth: false, stencil: false, alpha: false, powerPreference: "high-performance"};
    this.gl = this.canvas.getContext(backend === "webgl1" ? "webgl" : backend, settings);
    if (this.gl) this.reset();
  }

  /** State of a new context, or of one that was restored. */
  reset() {
    const {gl} = this, two = this.backend === "webgl2";
    this.live = new Map(); // object -> one of KINDS
    this.bound = [];
    this.program = this.framebuffer = this.viewport = undefined;
    for (const name of ["EXT_color_buffer_float", "EXT_color_buffer_half_float", "WEBGL_color_buffer_float"]) gl.getExtension(name);
    const half = two ? gl.HALF_FLOAT : (gl.getExtension("OES_texture_half_float") || {}).HALF_FLOAT_OES;
    this.parallel = gl.getExtension("KHR_parallel_shader_compile");
    // internal format, order and type of components, the array that WebGL takes them in
    const codes = (internal, order, type, array) => [gl[internal], gl[`${order}_INTEGER`], gl[type], array];
    const words = (order) => codes(`${order.replace("RED", "R")}32UI`, order, "UNSIGNED_INT", Uint32Array);
    this.formats = {
      float32: [two ? gl.RGBA32F : gl.RGBA, gl.RGBA, two || gl.getExtension("OES_texture_float") ? gl.FLOAT : 0, Float32Array],
      float16: [two ? gl.RGBA16F : gl.RGBA, gl.RGBA, half, Uint16Array],
      rgba8: [two ? gl.RGBA8 : gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, Uint8Array],
      rgba32ui: words("RGBA"),
      rg32ui: words("RG"),
      r32ui: words("RED"),
      r16ui: codes("R16UI", "RED", "UNSIGNED_SHORT", Uint16Array),
    };
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.disable(gl.DITHER);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.make("buffers"));
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0); // `vec2 p` of every program
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  }

  make(kind) {
    const object = this.gl[`create${KINDS[kind]}`]();
    this.live.set(object, kind);
    return object;
  }

  counts() {
    const living = (kind) => [...this.live].filter(([object, k]) => k === kind && this.gl[`is${KINDS[kind]}`](object)).length;
    return Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, living(kind)]));
  }

  /** Deletes all objects but those of `kept`. */
  free(kept = new Map()) {
    for (const [object, kind] of this.live) if (!kept.has(object)) {
      this.gl[`delete${KINDS[kind]}`](object);
      this.live.delete(object);
    }
    this.bound = [];
    this.program = this.framebuffer = undefined;
  }

  close() {
    this.free();
    const lose = this.gl.getExtension("WEBGL_lose_context");
    if (lose) lose.loseContext();
  }

  /** A texture of width x height texels: plain 2D for layers 0, else a 2D array. */
  texture(width, height, layers, format) {
    const {gl} = this, kind = layers ? gl.TEXTURE_2D_ARRAY : gl.TEXTURE_2D, [internal, order, type] = this.formats[format];
    const texture = {kind, layers, format, name: this.make("textures")};
    this.bind(0, texture);
    for (const p of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(kind, p, gl.NEAREST);
    for (const p of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(kind, p, gl.CLAMP_TO_EDGE);
    if (layers) gl.texStorage3D(kind, 1, internal, width, height, layers);
    else if (gl.texStorage2D) gl.texStorage2D(kind, 1, internal, width, height);
    else gl.texImage2D(kind, 0, internal, width, height, 0, order, type, null);
    return texture;
  }

  bind(unit, texture) {
    if (this.bound[unit] === texture) return;
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(texture.kind, texture.name);
    this.bound[unit] = texture;
  }

  /** Fills width x height texels of all layers; floats become halves where the texture holds such. */
  write(texture, texels, width, height) {
    const {gl} = this, {kind, layers, format} = texture, [, order, type, Components] = this.formats[format];
    const {buffer, byteOffset, byteLength} = format === "float16" && texels instanceof Float32Array ? toHalf(texels) : texels;
    const data = new Components(buffer, byteOffset, byteLength / Components.BYTES_PER_ELEMENT);
    this.bound[0] = undefined; // makes unit 0 the active one
    this.bind(0, texture);
    if (layers) gl.texSubImage3D(kind, 0, 0, 0, 0, width, height, layers, order, type, data);
    else gl.texSubImage2D(kind, 0, 0, 0, width, height, order, type, data);
  }

  /** A framebuffer that draws into a texture, layer first + i through draw buffer i. */
  target({name, layers}, first, count) {
    const {gl} = this, framebuffer = this.make("framebuffers");
    gl.bindFramebuffer(gl.FRAMEBUFFER, (this.framebuffer = framebuffer));
    const points = Array.from({length: layers && count}, (_, i) => gl.COLOR_ATTACHMENT0 + i);
    points.forEach((point, i) => gl.framebufferTextureLayer(gl.FRAMEBUFFER, point, name, 0, first + i));
    if (layers) gl.drawBuffers(points);
    else gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, name, 0);
    return framebuffer;
  }

  /** Reads a texel, or width x height, from the framebuffer that is bound, into an array or from an offset of a buffer. */
  read(format, into = new Uint8Array(16), width = 1, height = 1) {
    const {gl} = this, bytes = format === "rgba8", {buffer, byteOffset, byteLength} = into;
    const data = !buffer ? into : bytes ? new Uint8Array(buffer, byteOffset, byteLength) : new Float32Array(buffer, byteOffset, byteLength / 4);
    gl.readPixels(0, 0, width, height, gl.RGBA, bytes ? gl.UNSIGNED_BYTE : gl.FLOAT, data);
  }

  /** A program whose compilation is under way; `finish` asks how it ended. */
  compile(vertex, fragment, samplers) {
    const {gl} = this, name = this.make("programs");
    const shaders = [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]].map(([type, text]) => {
      const shader = gl.createShader(type);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(name, shader);
      return shader;
    });
    gl.bindAttribLocation(name, 0, "p");
    gl.linkProgram(name);
    return {name, shaders, samplers};
  }

  done(program) {
    return !this.parallel || this.gl.getProgramParameter(program.name, this.parallel.COMPLETION_STATUS_KHR);
  }

  finish(program, what) {
    const {gl} = this, {name, shaders} = program;
    if (!gl.getProgramParameter(name, gl.LINK_STATUS)) {
      const log = [...shaders.map((s) => gl.getShaderInfoLog(s)), gl.getProgramInfoLog(name)].filter(Boolean).join("\n").trim();
      if (gl.isContextLost()) lost();
      fail("kernel", `${what} does not compile on ${this.renderer}: ${log || "no message"}`);
    }
    for (const shader of shaders) gl.deleteShader(shader);
    gl.useProgram(name);
    this.program = program;
    program.samplers.forEach((sampler, unit) => gl.uniform1i(gl.getUniformLocation(name, sampler), unit));
    program.P = gl.getUniformLocation(name, "P");
    program.F = gl.getUniformLocation(name, "F");
  }

  /** Runs the program once per texel of the viewport; what is bound already is not bound again. */
  draw({program, framebuffer, viewport, textures, ints, floats}) {
    const {gl} = this;
    if (framebuffer !== this.framebuffer) gl.bindFramebuffer(gl.FRAMEBUFFER, (this.framebuffer = framebuffer));
    if (viewport !== this.viewport) gl.viewport(0, 0, ...(this.viewport = viewport));
    if (program !== this.program) gl.useProgram((this.program = program).name);
    for (let unit = 0; unit < textures.length; unit++) this.bind(unit, textures[unit]);
    if (program.P && ints !== program.ints) gl.uniform4iv(program.P, (program.ints = ints));
    if (program.F && floats !== program.floats) gl.uniform4fv(program.F, (program.floats = floats));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  get renderer() {
    const info = this.gl.getExtension("WEBGL_debug_renderer_info");
    return this.gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : this.gl.RENDERER) || "WebGL";
  }

  /** Why the device cannot run a variant, "" if it can: sizes are asked, targets drawn to, read back and compared. */
  unfit({formats, targets, draw_buffers: buffers, texture_size: side, texture_units: units, array_layers: layers, dialect}) {
    const {gl} = this, two = dialect === "es300";
    const counts = [["MAX_TEXTURE_SIZE", side], ["MAX_TEXTURE_IMAGE_UNITS", units], ...(two ? [["MAX_DRAW_BUFFERS", buffers], ["MAX_ARRAY_TEXTURE_LAYERS", layers]] : [])];
    for (const [name, need] of counts) if (gl.getParameter(gl[name]) < need) return `needs ${name} ${need}, this device has ${gl.getParameter(gl[name])}`;
    for (const format of formats) if (!this.formats[format][2]) return `needs ${format} textures`;
    const before = new Map(this.live);
    for (const format of targets) try {
      if (!this.copies(format, two ? buffers : 0)) return `${format} targets (${buffers} at once) do not keep what is drawn to them`;
    } catch (error) {
      return `${format} targets: ${error.message}`;
    } finally {
      this.free(before);
      while (gl.getError()) if (gl.isContextLost()) break;
    }
    return "";
  }

  /** Draws a copy of a texture, layer by layer, and compares: lower precision or range, or a lost layer, would show. */
  copies(format, layers) {
    const {gl} = this, w = 7, h = 5, n = layers || 1, half = format === "float16", bytes = format === "rgba8";
    const value = (_, i) => bytes ? (i * 89 + 7) % 256 : half ? Math.trunc(Math.sin(i) * 2047) * 2 ** (i % 8) / 64 : Math.sin(i + 1) * 2 ** (((i * 37) % 120) - 60);
    const values = (bytes ? Uint8Array : Float32Array).from({length: w * h * 4 * n}, value);
    const head = `precision highp float;precision highp int;uniform vec4 F[1];`, from = "gl_FragCoord.xy/F[0].xy";
    const outs = Array.from({length: n}, (_, i) => i);
    const [vertex, fragment] = layers
      ? ["#version 300 es\nin vec2 p;void main(){gl_Position=vec4(p,0,1);}",
        `#version 300 es\n${head}precision highp sampler2DArray;uniform sampler2DArray a;${outs.map((i) => `layout(location=${i}) out vec4 o${i};`).join("")}` +
        `void main(){${outs.map((i) => `o${i}=texture(a,vec3(${from},${i}))*F[0].z;`).join("")}}`]
      : ["attribute vec2 p;void main(){gl_Position=vec4(p,0,1);}", `${head}precision highp sampler2D;uniform sampler2D a;void main(){gl_FragColor=texture2D(a,${from})*F[0].z;}`];
    const source = this.texture(w, h, layers, format), into = this.texture(w, h, layers, format);
    this.write(source, values, w, h);
    const framebuffer = this.target(into, 0, n);
    if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) return false;
    const program = this.compile(vertex, fragment, ["a"]);
    this.finish(program, "the probe");
    this.draw({program, framebuffer, viewport: [w, h], textures: [source], floats: new Float32Array([w, h, 1, 0])});
    const got = values.slice(0, w * h * 4);
    return outs.every((layer) => {
      if (layers) gl.readBuffer(gl.COLOR_ATTACHMENT0 + layer);
      this.read(format, got.fill(0), w, h);
      return got.every((value, i) => value === values[layer * got.length + i]);
    });
  }
}

const lost = () => fail("context-lost", "the browser took the WebGL context away; wait for the event contextrestored, then predict again");

/** The first device and variant that work here, in the manifest's order. */
function choose(manifest, backend, name) {
  const names = manifest.variants.map((v) => v.name);
  if (name && !names.includes(name)) fail("input", `variant ${name}: this export has ${names.join(", ")}`);
  if (backend !== "auto" && !BACKENDS.includes(backend)) fail("input", `backend ${backend}: allowed are auto, ${BACKENDS.join(", ")}`);
  const asked = manifest.variants.filter((v) => (!name || v.name === name) && (backend === "auto" || backend === v.backend)), tried = [];
  if (!asked.length) fail("input", `backend ${backend}: none of ${name || names.join(", ")} is for it`);
  let contexts = 0;
  for (const kind of BACKENDS) {
    const wanted = asked.filter((v) => v.backend === kind);
    if (!wanted.length) continue;
    const device = new Device(kind);
    if (!device.gl) {
      tried.push(`${kind}: the browser gives no context`);
      continue;
    }
    contexts++;
    for (const variant of wanted) {
      const why = device.unfit(variant);
      if (!why) return {device, variant};
      tried.push(`${variant.name}: ${why}`);
    }
    device.close();
  }
  if (contexts) fail("no-variant", `no variant of this model runs here: ${tried.join("; ")}`);
  fail("no-webgl", `this browser offers no WebGL (${tried.join("; ")}). Turn on graphics acceleration, or use another browser`);
}

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A turn of the event loop by a message: timers set after it are not clamped to 4 ms, as nested timers are. */
const hop = () => new Promise((resolve) => {
  const {port1, port2} = new MessageChannel();
  port1.onmessage = () => resolve(port1.close());
  port2.postMessage(0);
});

// ---- the model

class Model extends EventTarget {
  constructor(manifest, device, variant, plan, store) {
    super();
    Object.assign(this, {manifest, plan, inputs: manifest.inputs, outputs: manifest.outputs, name: manifest.name});
    this.variant = variant.name;
    this.renderer = device.renderer;
    this._device = device;
    this._store = store; // the bytes of all weights: what restores a lost context
    this._queue = Promise.resolve();
    this._generation = 0; // grows with each context lost
    this._fastest = Infinity; // ms of a prediction
    for (const type of LOSS) device.canvas.addEventListener(type, this);
    this._start();
  }

  /** Starts every program's compilation and makes the textures: all that needs no weights. */
  _start() {
    const {plan, _device: device} = this, {gl} = device;
    this._programs = Object.entries(plan.programs).map(([key, {fragment, samplers}]) => [key, device.compile(plan.vertex, fragment, samplers)]);
    this._slots = plan.slots.map(({width, height, layers, format}) => device.texture(width, height, layers, format));
    this._targets = {};
    this._weights = plan.weights.map(() => null);
    this._ready = false;
    for (const tensor of [...plan.inputs, ...plan.outputs]) tensor.texels = room(tensor.layout, tensor.lanes, Float32Array);
    for (const {target, layers} of plan.draws) this._target(target, ...layers);
    const bytes = plan.outputs.reduce((sum, {texels}) => sum + texels.byteLength, 0); // that are read back
    if (gl.fenceSync) {
      this._packing(true, device.make("buffers"));
      gl.bufferData(gl.PIXEL_PACK_BUFFER, bytes, gl.STREAM_COPY);
      this._packing(false);
    }
  }

  /** The framebuffer for so many layers of a slot; made once. */
  _target(slot, first, count) {
    const key = [slot, first, count];
    return (this._targets[key] = this._targets[key] || this._device.target(this._slots[slot], first, count));
  }

  /** Uploads the texels of all parts into the textures that they share, or one each. */
  _write(textures, texels, {width, height}) {
    const length = texels.length / textures.length;
    textures.forEach((texture, i) => this._device.write(texture, texels.subarray(i * length, (i + 1) * length), width, height));
  }

  _packing(on, buffer = this._pack) {
    const {gl} = this._device;
    if ((this._pack = buffer)) gl.bindBuffer(gl.PIXEL_PACK_BUFFER, on ? buffer : null);
  }

  /** Packs and uploads the weights whose bytes are complete and that are not on the device yet. */
  _upload(complete = () => true) {
    this.plan.weights.forEach((weight, i) => {
      if (this._weights[i] || !complete(weight)) return;
      const {layout, shape, offset, bytes, storage: {codec, format, lanes, text}} = weight, Values = VALUES[codec];
      const stored = new Values(this._store, offset, bytes / Values.BYTES_PER_ELEMENT), texels = room(layout, lanes, Values);
      const values = codec === "uint4" ? unpacked(stored) : stored;
      if (layout.dims) move(layout, lanes, texels, values);
      else moveCells(shape, texels, values);
      this._weights[i] = Array.from({length: layout.textures}, () => this._device.texture(...layout.size, layout.depth, format));
      this._write(this._weights[i], text === "uint4" ? packed(texels) : texels, layout);
    });
  }

  /** Asks how compilation ended, and draws one texel with each program: drivers make their machine code at the first draw. */
  _link() {
    const {plan, _device: device} = this, blank = {};
    const standIn = ({layout: {depth}, storage: {format}}) => (blank[[depth, format]] = blank[[depth, format]] || device.texture(3, 3, depth, format));
    const before = new Map(device.live);
    for (const [key, program] of this._programs) {
      const index = plan.draws.findIndex((d) => d.program === key), draw = plan.draws[index];
      device.finish(program, `the kernel ${draw.kernel} of layer ${draw.label} (pass ${index + 1} of ${plan.draws.length})`);
      const textures = draw.textures.map(([kind, number]) => (kind === "slot" ? this._slots[number] : standIn(plan.weights[number])));
      device.draw(this._drawOf(draw, program, [1, 1], textures));
    }
    device.free(before);
  }

  _drawOf({target, layers, ints, floats}, program, viewport, textures) {
    return {program, framebuffer: this._target(target, ...layers), viewport, textures, ints: new Int32Array(ints), floats: new Float32Array(floats)};
  }

  /** Prepares the draws, when all weights are there. */
  _finish() {
    const programs = Object.fromEntries(this._programs), viewports = {};
    this._draws = this.plan.draws.map((draw) => this._drawOf(
      draw,
      programs[draw.program],
      (viewports[draw.viewport] = viewports[draw.viewport] || draw.viewport),
      draw.textures.map(([kind, number, part]) => (kind === "slot" ? this._slots[number] : this._weights[number][part])),
    ));
    this._check("the model's textures");
    this._ready = true;
  }

  _check(what) {
    const {gl} = this._device, error = gl.getError();
    if (gl.isContextLost()) lost();
    if (error) fail("limit", `${what}: ${this.renderer} reports ${error === gl.OUT_OF_MEMORY ? "that its memory is used up" : `WebGL error ${error}`} (variant ${this.variant}). Close other pages, or export for a smaller input`);
  }

  handleEvent(event) {
    if (event.type === LOSS[0]) {
      event.preventDefault(); // or the browser would never restore it
      this._generation++;
      this._ready = false;
      this.dispatchEvent(new Event("contextlost"));
      return;
    }
    try {
      this._broken = undefined;
      this._device.reset();
      this._start();
      this._link();
      this._upload();
      this._finish();
      this.dispatchEvent(new Event("contextrestored"));
    } catch (error) {
      this._broken = error;
      this.dispatchEvent(Object.assign(new Event("error"), {error}));
    }
  }

  /** {output name: Float32Array} of row-major values for {input name: Float32Array}; calls run one after another. */
  predict(inputs) {
    return this._next(() => this._predict(inputs));
  }

  _next(call) {
    const turn = this._queue.then(call);
    this._queue = turn.catch(() => {});
    return turn;
  }

  async _predict(inputs) {
    this._usable();
    for (const {name, shape} of this.inputs) {
      const values = inputs && inputs[name];
      if (!values || values.length !== size(shape)) {
        fail("input", `input ${name}: ${values ? `${values.length} values` : "nothing"} given, ${size(shape)} expected (${shape.join(" x ")})`);
      }
    }
    const {plan, _device: device} = this, start = performance.now(), generation = this._generation;
    for (const tensor of plan.inputs) {
      move(tensor.layout, tensor.lanes, tensor.texels, inputs[tensor.name]);
      this._write(tensor.slots.map((slot) => this._slots[slot]), tensor.texels, tensor.layout);
    }
    for (const draw of this._draws) device.draw(draw);
    await this._read();
    this._same(generation);
    if (this._fastest === Infinity) this._check("the first prediction");
    this._fastest = Math.min(this._fastest, performance.now() - start);
    return Object.fromEntries(plan.outputs.map(({name, shape, layout, lanes, texels}) => {
      const values = new Float32Array(size(shape));
      move(layout, lanes, texels, values, true);
      return [name, values];
    }));
  }

  /** Raises GlnnError context-lost where the context is, or was since then. */
  _same(generation) {
    if (generation !== this._generation || this._device.gl.isContextLost()) lost();
  }

  _usable() {
    if (this._disposed) fail("disposed", "the model was disposed; load it again");
    if (this._broken) throw this._broken;
    if (!this._ready || this._device.gl.isContextLost()) lost();
  }

  /** Reads the outputs' texels: with WebGL2 into a pixel buffer, waiting for its fence without blocking. */
  async _read() {
    const {plan, _device: device} = this, {gl} = device;
    let offset = 0;
    this._packing(true);
    for (const {slots, layout: {parts, layers, width, height}, texels} of plan.outputs) {
      const length = texels.length / parts / layers, stacked = slots.length < parts;
      for (let i = 0; i < parts * layers; i++) {
        const layer = i % layers, first = i - layer, slot = slots[stacked ? 0 : first / layers];
        gl.bindFramebuffer(gl.FRAMEBUFFER, (device.framebuffer = this._target(slot, stacked ? first : 0, layers)));
        if (this._slots[slot].layers) gl.readBuffer(gl.COLOR_ATTACHMENT0 + layer);
        device.read(this._slots[slot].format, this._pack ? offset : texels.subarray(i * length, (i + 1) * length), width, height);
        offset += length * 4;
      }
    }
    if (!this._pack) return;
    this._packing(false);
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0), generation = this._generation;
    gl.flush();
    const expected = this._fastest < 1e5 ? this._fastest : 0;
    for (let wait = expected * 0.7; ; wait = expected * 0.04) { // asking without a pause takes a core from a software renderer
      await hop();
      await later(wait);
      this._same(generation);
      const status = gl.clientWaitSync(fence, 0, 0);
      if (status === gl.WAIT_FAILED) fail("limit", `${this.renderer} failed while it waited for a prediction`);
      if (status !== gl.TIMEOUT_EXPIRED) break;
    }
    gl.deleteSync(fence);
    this._packing(true);
    offset = 0;
    for (const {texels} of plan.outputs) {
      gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, offset, texels);
      offset += texels.byteLength;
    }
    this._packing(false);
  }

  /** The passes with the ms that each took, by timer queries, or else (`method` "sync") by waiting for each draw. */
  profile() {
    return this._next(() => this._profile());
  }

  async _profile() {
    this._usable();
    const {gl, backend} = this._device, two = backend === "webgl2";
    const timer = gl.getExtension(two ? "EXT_disjoint_timer_query_webgl2" : "EXT_disjoint_timer_query");
    const call = (name, ...args) => (two ? gl[name](...args) : timer[`${name}EXT`](...args));
    const sync = (i) => this._device.read(this.plan.slots[this.plan.draws[i].target].format);
    let start;
    this._device.draw(this._draws[0]);
    sync(0);
    const times = this._draws.map((draw, i) => {
      const query = timer && call("createQuery");
      if (query) call("beginQuery", timer.TIME_ELAPSED_EXT, query);
      else start = performance.now();
      this._device.draw(draw);
      if (query) call("endQuery", timer.TIME_ELAPSED_EXT);
      else sync(i);
      return query || performance.now() - start;
    });
    gl.flush();
    const result = (query, what) => (two ? gl.getQueryParameter(query, gl[what]) : timer.getQueryObjectEXT(query, timer[`${what}_EXT`]));
    const end = performance.now() + PROFILE_LIMIT;
    while (timer && !result(times[times.length - 1], "QUERY_RESULT_AVAILABLE") && performance.now() < end && !gl.isContextLost()) await later(5);
    const valid = !timer || (performance.now() < end && !gl.getParameter(timer.GPU_DISJOINT_EXT));
    return this.plan.draws.map(({source, kernel, viewport}, i) => {
      const ms = valid ? (timer ? result(times[i], "QUERY_RESULT") / 1e6 : times[i]) : null;
      if (timer) call("deleteQuery", times[i]);
      return {pass: i + 1, layer: source, kernel, width: viewport[0], height: viewport[1], ms, method: timer ? "timer" : "sync"};
    });
  }

  /** The live WebGL objects by kind, as WebGL itself has them. */
  counts() {
    return this._device.counts();
  }

  /** Frees all textures, programs and the context. A second call does nothing. */
  dispose() {
    if (this._disposed) return;
    this._disposed = true;
    for (const type of LOSS) this._device.canvas.removeEventListener(type, this);
    this._device.close();
    this._store = null;
  }
}

/** The model in an exported folder, ready to predict. Raises GlnnError; see runner.d.ts. */
export async function load(url, {onProgress = () => {}, backend = "auto", variant: name, onContextLost} = {}) {
  const base = new URL(`${url}`.replace(/\/?$/, "/"), typeof document === "undefined" ? location.href : document.baseURI);
  const manifest = await fetchManifest(base);
  const {device, variant} = choose(manifest, backend, name);
  const abort = new AbortController(), {shards, bytes} = manifest.weights;
  try {
    const total = bytes + variant.plan.bytes, store = new ArrayBuffer(bytes);
    let loaded = 0, at = 0;
    const onBytes = (count) => onProgress({loaded: (loaded += count), total});
    const get = (file, into) => fetchBytes(base, file, {signal: abort.signal, onBytes, into});
    const planned = get(variant.plan);
    const arrived = shards.map((shard) => {
      const begin = at;
      at += shard.bytes;
      return {begin, end: at, done: false, file: get(shard, new Uint8Array(store, begin, shard.bytes))};
    });
    const all = [planned, ...arrived.map((shard) => shard.file)];
    for (const file of all) file.catch(() => {}); // the first failure is thrown below, the others go with it
    const plan = JSON.parse(new TextDecoder().decode(await Promise.race([planned, Promise.all(all).then(() => planned)])));
    known(plan.version, new URL(variant.plan.file, base));
    const model = new Model(manifest, device, variant, plan, store);
    if (onContextLost) model.addEventListener("contextlost", onContextLost);
    const complete = ({offset, bytes}) => arrived.every((s) => s.done || s.end <= offset || s.begin >= offset + bytes);
    const compiled = async () => {
      while (!model._programs.every(([, program]) => device.done(program)) && !device.gl.isContextLost()) await later(4);
      model._link();
    };
    await Promise.all([compiled(), ...arrived.map(async (shard) => {
      await shard.file;
      shard.done = true;
      model._upload(complete);
    })]);
    model._upload(); // what needs no shard
    model._finish();
    return model;
  } catch (error) {
    abort.abort();
    device.close();
    throw error;
  }
}
