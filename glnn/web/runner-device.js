// A context that several models share, loaded by the runner when it is asked for.
//
//     const device = await glnn.device();
//     const [a, b] = await Promise.all([glnn.load("a/", {device}), glnn.load("b/", {device})]);

const BOUND = ["bound", "first", "framebuffer", "program", "unit", "viewport"]; // what Device keeps of the context's state

/** A device of the first backend that this browser has; `share` makes one that is a model's own of it. */
export function device(Device, fail, {backend = "auto"} = {}) {
  const kinds = ["webgl2", "webgl1"], probed = {}, views = new Set();
  if (!["auto", ...kinds].includes(backend)) fail("input", `backend ${backend}: allowed are auto, ${kinds.join(", ")}`);
  const {counts, dispose} = Device.prototype;
  let root;
  for (const kind of kinds) if (!(root && root.gl) && ["auto", kind].includes(backend)) root = new Device(kind);
  if (!root.gl) fail("no-webgl", `this browser gives no ${backend === "auto" ? "WebGL" : backend} context. Turn on graphics acceleration, or use another browser`);

  /** The same device, with a book of its own of the objects that it makes: disposing of it frees these alone. */
  root.share = () => {
    if (root.closed) fail("disposed", "the device was disposed; make another for this model");
    if (root.gl.isContextLost()) fail("context-lost", "the browser took the device's WebGL context away; load this model when it is back");
    const unlinked = new Set(); // programs whose shaders live, until it is asked how linking ended
    const own = Object.assign(Object.create(root), {
      live: new Map(),
      events: new EventTarget(), // of the context, until it is disposed of
      reset() { // of a restored context, which the root has reset already
        own.live = new Map();
        unlinked.clear();
      },
      counts: () => counts.call(own),
      compile(...args) {
        const program = root.compile.apply(own, args);
        unlinked.add(program);
        return program;
      },
      finish(program, what) {
        root.finish.call(own, program, what);
        unlinked.delete(program);
      },
      copies(...kind) {
        if (!(kind in probed)) probed[kind] = root.copies.apply(own, kind);
        return probed[kind];
      },
      dispose() {
        own.free();
        for (const {shaders} of unlinked) for (const shader of shaders) root.gl.deleteShader(shader);
        unlinked.clear();
        views.delete(own);
      },
    });
    for (const name of BOUND) Object.defineProperty(own, name, {get: () => root[name], set: (value) => (root[name] = value)});
    views.add(own);
    return own;
  };

  root.counts = () => {
    const sum = counts.call(root);
    for (const own of views) for (const [kind, count] of Object.entries(own.counts())) sum[kind] += count;
    return sum;
  };
  root.dispose = () => {
    if (root.closed) return;
    root.closed = true;
    for (const own of views) own.dispose();
    dispose.call(root);
  };
  root.canvas.addEventListener("webglcontextlost", (event) => {
    if (root.closed) return;
    event.preventDefault(); // or the browser would never restore it
    for (const own of views) own.events.dispatchEvent(new Event(event.type));
  });
  root.canvas.addEventListener("webglcontextrestored", (event) => {
    root.reset();
    for (const own of views) own.events.dispatchEvent(new Event(event.type));
  });
  return root;
}
