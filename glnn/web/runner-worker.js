// A model in a Worker: the page's half, which asks, and the Worker's, which has the model. Loaded by load({worker: true}).

const NAME = "glnn"; // of the Worker, which thereby knows its half
const EVENTS = ["contextlost", "contextrestored", "error"];
const plain = {premultiplyAlpha: "none", colorSpaceConversion: "none"}; // of pictures, as the runner takes them

/** The model at a URL in a Worker, or, where this cannot be, on this thread. here: the runner's own load. */
export async function load(url, {worker: _, onProgress = () => {}, onContextLost, signal, device, ...options}, here, GlnnError) {
  if (device) throw new GlnnError("input", "device: a Worker cannot use a context of this page. Leave out device or worker");
  const elsewhere = (why) => {
    console.warn(`glnn: ${url} runs on this thread, not in a Worker: ${why}`);
    return here(url, {...options, onProgress, onContextLost, signal});
  };
  if (!globalThis.Worker || !globalThis.OffscreenCanvas) return elsewhere("this browser has no Worker with an OffscreenCanvas");
  let worker, stop;
  try {
    worker = new Worker(new URL("runner-worker.js", import.meta.url), {type: "module", name: NAME});
  } catch (error) {
    return elsewhere(error.message);
  }
  const model = new Remote(worker, GlnnError, onProgress), ended = new Promise((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal) signal.addEventListener("abort", stop);
    worker.onerror = (event) => reject(Object.assign(new Error(event.message || "its script did not load"), {code: "no-webgl"}));
  });
  try {
    if (signal) signal.throwIfAborted();
    const {fetch: init} = options, copied = init && {...init, headers: Object.fromEntries(new Headers(init.headers))}; // Headers do not travel
    Object.assign(model, await Promise.race([ended, model._ask("load", [`${url}`, {...options, fetch: copied}])]));
    worker.onerror = (event) => model._heard({event: "error", error: event.message});
    if (onContextLost) model.addEventListener("contextlost", onContextLost);
    return model;
  } catch (error) {
    model.dispose();
    if (error.code !== "no-webgl") throw error;
    return elsewhere(error.message);
  } finally {
    if (signal) signal.removeEventListener("abort", stop);
  }
}

/** A Model whose work another thread does: runner.d.ts. */
class Remote extends EventTarget {
  constructor(worker, GlnnError, onProgress) {
    super();
    Object.assign(this, {worker: true, _worker: worker, _error: GlnnError, _progress: onProgress});
    this._asked = 0;
    this._waiting = new Map(); // what was asked -> [resolve, reject]
    this._sent = Promise.resolve();
    worker.onmessage = ({data}) => this._heard(data);
  }

  _heard({id, done, failed, code, progress, event, error}) {
    if (progress) this._progress(progress);
    if (event) this.dispatchEvent(Object.assign(new Event(event), error && {error: this._made(error, code)}));
    if (!this._waiting.has(id)) return; // cancelled meanwhile
    const [resolve, reject] = this._waiting.get(id);
    this._waiting.delete(id);
    if (failed) reject(this._made(failed, code));
    else resolve(done);
  }

  _made(error, code) {
    return code ? new this._error(code, error) : error.message ? error : new Error(error);
  }

  /** What the Worker answers; `args` and `transfer` are read at once. */
  _ask(call, args = [], transfer = []) {
    return new Promise((resolve, reject) => {
      if (this._disposed) reject(this._disposed);
      this._waiting.set(++this._asked, [resolve, reject]);
      this._worker.postMessage({id: this._asked, call, args}, transfer);
    });
  }

  async predict(inputs, {signal, ...options} = {}) {
    if (options.as === "texture") throw new this._error("input", 'as: "texture": textures cannot leave the Worker. Take "bitmap" to draw with, or load without worker');
    // Copies that the Worker gets for its own; a picture is taken now, and sent when it is ready, in the order of the calls.
    const taken = this.inputs.map(async ({name}) => {
      const values = inputs?.[name];
      return [name, values && (values.length === undefined ? await createImageBitmap(values, plain) : new Float32Array(values))];
    });
    const all = Promise.all(taken).catch((error) => { throw new this._error("input", `${error.message}: no array, and no picture`); });
    const turn = this._sent.then(() => all);
    this._sent = turn.catch(() => {});
    let asked;
    const answer = turn.then((entries) => {
      if (signal) signal.throwIfAborted();
      asked = this._asked + 1;
      return this._ask("predict", [Object.fromEntries(entries), options], entries.map(([, value]) => value?.buffer || value).filter(Boolean));
    });
    if (!signal) return answer;
    let stop;
    const stopped = new Promise((_, reject) => {
      stop = () => {
        if (this._waiting.delete(asked)) this._worker.postMessage({call: "cancel", args: [asked]});
        reject(signal.reason);
      };
      signal.addEventListener("abort", stop);
    });
    return Promise.race([answer, stopped]).finally(() => signal.removeEventListener("abort", stop));
  }

  profile() {
    return this._ask("profile");
  }

  counts() {
    return this._ask("counts");
  }

  dispose() {
    if (this._disposed) return;
    this._disposed = new this._error("disposed", "the model was disposed; load it again");
    this._worker.terminate(); // and with it goes its context
    for (const [, reject] of this._waiting.values()) reject(this._disposed);
    this._waiting.clear();
  }
}

// ---- the Worker's half

function serve() {
  const signals = new Map();
  let model;
  const calls = {
    async load(url, options) {
      const {load} = await import("./runner.js");
      model = await load(url, {...options, onProgress: (progress) => postMessage({progress})});
      for (const type of EVENTS) model.addEventListener(type, ({error}) => postMessage({event: type, error: error?.message, code: error?.code}));
      const {name, inputs, outputs, variant, renderer, manifest, plan} = model;
      return {name, inputs, outputs, variant, renderer, manifest, plan};
    },
    predict: (inputs, options, signal) => model.predict(inputs, {...options, signal}),
    profile: () => model.profile(),
    counts: async () => model.counts(),
  };
  self.onmessage = async ({data: {id, call, args}}) => {
    if (call === "cancel") return signals.get(args[0])?.abort();
    const control = new AbortController();
    signals.set(id, control);
    try {
      const done = await calls[call](...args, control.signal);
      postMessage({id, done}, call === "predict" ? Object.values(done).map((value) => value.buffer || value) : []);
    } catch (error) {
      postMessage({id, ...(error.name === "GlnnError" ? {failed: error.message, code: error.code} : {failed: error})});
    }
    signals.delete(id);
  };
}

if (globalThis.name === NAME && !globalThis.document) serve();
