// A model of an export on a device: programs, weights, predictions, losing the context and getting it back.
import {fail} from "./errors.js";
import {VALUES, move, moveCells, packed, room, size, unpacked} from "./layouts.js";
import {lost} from "./device.js";

const LOSS = ["webglcontextlost", "webglcontextrestored"];
const PROFILE_LIMIT = 10000; // ms that profile() waits for the timer queries

const later = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A turn of the event loop by a message: timers set after it are not clamped to 4 ms, as nested timers are. */
const hop = () => new Promise((resolve) => {
  const {port1, port2} = new MessageChannel();
  port1.onmessage = () => resolve(port1.close());
  port2.postMessage(0);
});

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

export {Model, later};
