// A model of an export on a device: programs, weights, predictions, losing the context and getting it back.
import {fail, told} from "./errors.js";
import {VALUES, mixed, move, packed, room, size, unpacked} from "./layouts.js";
import {lost} from "./device.js";

const AHEAD = 3; // first draws that wait for one
const BRIEF = 8; // ms: a prediction that the page may wait for without letting go, half a frame

const texelsOf = ({layout, lanes}) => new Float32Array(room(layout, lanes));

/** What is no array: the picture that it shows now, or a result as it is, and the part that puts them into inputs. */
const seen = (source) => Promise.all([import("./runner-pixels.js"), source.shape ? source : createImageBitmap(source, {premultiplyAlpha: "none", colorSpaceConversion: "none"})]);

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
    for (const type of ["webglcontextlost", "webglcontextrestored"]) (device.events || device.canvas).addEventListener(type, this);
    this._start();
  }

  /** Starts every program's compilation and makes the textures: all that needs no weights. */
  _start() {
    const {plan, _device: device} = this, {gl} = device;
    this._programs = plan.programs.map((text) => device.compile(plan.vertex, text));
    this._slots = plan.slots.map(({width, height, layers, format}) => device.texture(width, height, layers, format));
    this._weights = plan.weights.map(({layout: {textures, size, depth}, storage: {format}}) => Array.from({length: textures}, () => device.texture(...size, depth, format)));
    this._filled = [];
    this._ready = false;
    for (const tensor of plan.outputs) tensor.texels = texelsOf(tensor);
    for (const {target, layers} of plan.draws) device.target(this._slots[target], ...layers);
    const bytes = plan.outputs.reduce((sum, {texels}) => sum + texels.byteLength, 0); // that are read back
    if (gl.fenceSync) {
      this._pack = device.make("buffers");
      this._packing(true);
      gl.bufferData(gl.PIXEL_PACK_BUFFER, bytes, gl.STREAM_COPY);
      this._packing(false);
    }
  }

  /** Uploads the texels of all parts into the textures that they share, or one each. */
  _write(textures, texels, {width, height}) {
    const length = texels.length / textures.length;
    textures.forEach((texture, i) => this._device.write(texture, texels.subarray(i * length), width, height));
  }

  /** Whether what is read goes to the buffer, if there is one. */
  _packing(on) {
    const {gl} = this._device;
    if (this._pack) gl.bindBuffer(gl.PIXEL_PACK_BUFFER, on ? this._pack : null);
  }

  /** Uploads the weights whose bytes are complete and that are not on the device yet: cells as they lie in the file, if they fill their textures. */
  _upload(complete = () => true) {
    this.plan.weights.forEach((weight, i) => {
      if (this._filled[i] || !complete(weight)) return;
      const {layout, offset, bytes, shape, mix, storage: {codec, lanes, text}} = weight, Values = VALUES[codec], pairs = text === "uint4", tensor = layout.dims;
      let texels = new Values(this._store, offset, bytes / Values.BYTES_PER_ELEMENT);
      if (codec === "uint4" && (tensor || !pairs)) texels = unpacked(texels);
      if (mix) texels = mixed(texels, mix, 16 * shape[0]);
      const values = texels, count = room(layout, pairs && !tensor ? lanes / 2 : lanes);
      if (tensor || values.length < count) texels = new Values(count);
      if (layout.dims) move(layout, lanes, texels, values);
      else if (texels !== values) texels.set(values);
      this._write(this._weights[i], tensor && pairs ? packed(texels) : texels, layout);
      this._filled[i] = true;
    });
  }

  /** Asks how compilation ended: once for all, since each answer waits for all that the device was told before. */
  _link() {
    const {plan, _device: device} = this;
    this._programs.forEach((program, i) => {
      const index = plan.draws.findIndex((d) => d.program === i), {kernel, label} = plan.draws[index];
      device.finish(program, `the kernel ${kernel} of layer ${label} (pass ${index + 1} of ${plan.draws.length})`);
    });
  }

  /** Draws one texel with each program: drivers make their machine code at the first draw. A few wait at a time: uploads get through, and the driver has work while files are checked. */
  async _firstDraws() {
    const passed = [];
    for (const i of this._programs.keys()) {
      this._same(0);
      this._drawOf({...this.plan.draws.find((d) => d.program === i), viewport: [1, 1]}, this._slots)();
      await passed[i - AHEAD];
      passed[i] = this._device.passed();
      passed[i].catch(() => {}); // awaited above, unless a draw throws before
    }
  }

  /** A draw made ready: a function of the numbers of the turns that it is in, innermost first. slots: their textures then. */
  _drawOf({program, target, layers: [first, count], viewport, textures, ints, floats, counts, move, row = 0}, slots) {
    const {_device: device} = this, into = (slot, layer) => device.target(slots[slot], layer, count);
    const draw = {
      program: this._programs[program],
      framebuffer: into(target, first),
      viewport: [0, row, ...viewport],
      textures: textures.map(([kind, number, part]) => (kind === "slot" ? slots[number] : this._weights[number][part])),
      ints: new Int32Array(ints),
      floats: new Float32Array(floats),
    };
    return (turns = []) => {
      if (counts || move) draw.ints = new Int32Array(ints);
      for (const {place, step, depth} of counts || []) draw.ints[place] += step * ~~turns[depth];
      if (move) {
        const section = move.first + move.step * ~~turns[0], row = section % move.per;
        draw.ints[0] -= row * move.tiles;
        draw.framebuffer = into(...move.places[(section - row) / move.per]);
        draw.viewport = [0, row * move.rows, ...viewport];
      }
      device.draw(draw);
    };
  }

  /** Steps made ready in the same way; repeats have those of even turns and of odd ones. */
  _stepsOf(steps, slots = this._slots) {
    return steps.map((step) => {
      if (!step.steps) return this._drawOf(this.plan.draws[step], slots);
      const swapped = [...slots];
      for (const [a, b] of step.swaps) [swapped[a], swapped[b]] = [slots[b], slots[a]];
      const made = [slots, swapped].map((textures) => this._stepsOf(step.steps, textures));
      return (turns = []) => {
        for (let t = 0; t < step.count; t++) for (const take of made[t % 2]) take([t, ...turns]);
      };
    });
  }

  /** Prepares the steps, when all weights are there. */
  _finish() {
    this._steps = this._stepsOf(this.plan.steps);
    this._check("the model's textures");
    this._ready = true;
  }

  _check(what) {
    const {gl} = this._device, error = gl.getError();
    if (gl.isContextLost()) lost();
    if (error) fail("limit", `${what}: ${this.renderer} reports ${error === gl.OUT_OF_MEMORY ? "that its memory is used up" : `WebGL error ${error}`} (variant ${this.variant}). Close other pages, or export for a smaller input`);
  }

  handleEvent(event) {
    if (this._disposed) return;
    if (event.type === "webglcontextlost") {
      event.preventDefault(); // or the browser would never restore it
      this._generation++;
      this._ready = false;
      this.dispatchEvent(new Event("contextlost"));
      return;
    }
    try {
      this._broken = undefined;
      this._device.reset();
      if (!this._steps) return; // load fails, if a context was lost meanwhile
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

  /** {output name: Float32Array} of row-major values for {input name: Float32Array}, which may change at once; calls run one after another. */
  async predict(inputs, {signal, ...how} = {}) {
    const texels = this._packed(inputs);
    return this._next(() => this._predict(texels, how), signal);
  }

  /** Runs a call when those before it are done; what comes of it is rejected when the signal says so. */
  _next(call, signal) {
    let stop;
    const turn = this._queue.then(() => signal?.throwIfAborted() ?? call()).catch((error) => {
      throw told(error, this.name);
    });
    this._queue = turn.catch(() => {});
    return signal ? Promise.race([turn, new Promise((_, reject) => {
      stop = () => reject(signal.reason);
      signal.addEventListener("abort", stop);
    })]).finally(() => signal.removeEventListener("abort", stop)) : turn;
  }

  /** The texels of the plan's inputs, or what gives them when it is their turn. */
  _packed(inputs) {
    this._usable();
    return this.plan.inputs.map((tensor) => {
      const {name, shape, layout, lanes} = tensor, values = inputs?.[name], texels = texelsOf(tensor);
      if (values && values.length === undefined) {
        const source = seen(values).catch(({message}) => fail("input", `input ${name}: ${message}`));
        source.catch(() => {}); // who takes its turn hears of it
        return async () => {
          const [{fill}, given] = await source, made = await fill(this, tensor, given, fail);
          if (made) move(layout, lanes, texels, made);
          return made && texels;
        };
      }
      if (values?.length !== size(shape)) fail("input", `input ${name}: ${values ? `${values.length} values` : "nothing"} given, ${size(shape)} expected (${shape.join(" x ")})`);
      move(layout, lanes, texels, values);
      return texels;
    });
  }

  async _predict(inputs, how = {}) {
    this._usable();
    const {plan, _device: device} = this, start = performance.now(), generation = this._generation;
    for (const [i, {slots, layout}] of plan.inputs.entries()) {
      const texels = inputs[i].call ? await inputs[i]() : inputs[i];
      this._same(generation);
      if (texels) this._write(slots.map((slot) => this._slots[slot]), texels, layout);
    }
    for (const take of this._steps) take();
    if (how.as) return (await import("./runner-pixels.js")).results(this, how, generation, fail);
    await this._read();
    this._same(generation);
    if (!this._fastest) this._check("the first prediction");
    this._fastest = Math.min(this._fastest || Infinity, performance.now() - start);
    return this._unpacked();
  }

  _unpacked() {
    return Object.fromEntries(this.plan.outputs.map(({name, shape, layout, lanes, texels}) => {
      const values = new Float32Array(size(shape));
      move(layout, lanes, texels, values, true);
      return [name, values];
    }));
  }

  /** Raises GlnnError where the model was disposed, or the context is lost, or was since then. */
  _same(generation) {
    if (this._disposed || this._device.closed) fail("disposed", "the model was disposed; load it again");
    if (generation !== this._generation || this._device.gl.isContextLost()) lost();
  }

  _usable() {
    this._same(this._generation);
    if (this._broken) throw this._broken;
    if (!this._ready) lost();
  }

  /** Reads the outputs' texels: with WebGL2 into a pixel buffer, waiting for its fence without blocking. */
  async _read() {
    const {plan, _device: device} = this, {gl} = device;
    let offset = 0;
    this._packing(true);
    // A texel of what was drawn last: llvmpipe would not wait for draws to a texture that one before them samples.
    for (const {target} of plan.draws.slice(-1)) device.read(this._slots[target].format, this._pack ? offset : undefined);
    for (const {slots, layout: {parts, layers, width, height}, texels} of plan.outputs) {
      const length = texels.length / parts / layers, stacked = slots.length < parts;
      for (let i = 0; i < parts * layers; i++) {
        const layer = i % layers, first = i - layer, texture = this._slots[slots[stacked ? 0 : first / layers]];
        gl.bindFramebuffer(gl.FRAMEBUFFER, (device.framebuffer = device.target(texture, stacked ? first : 0, layers)));
        if (texture.layers) gl.readBuffer(gl.COLOR_ATTACHMENT0 + layer);
        device.read(texture.format, this._pack ? offset : texels.subarray(i * length), width, height);
        offset += length * 4;
      }
    }
    if (!this._pack) return;
    this._packing(false);
    const generation = this._generation;
    if (!(this._fastest < BRIEF)) await device.passed(this._fastest);
    this._same(generation);
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
    return this._next(async () => (await import("./profile.js")).passes(this));
  }

  /** The live WebGL objects by kind, as WebGL itself has them. */
  counts() {
    return this._device.counts();
  }

  /** Frees all textures, programs and the context, unless others share it. A second call does nothing. */
  dispose() {
    if (this._disposed) return;
    this._disposed = true;
    this._device.dispose();
    this._store = null;
  }
}

export {Model};
