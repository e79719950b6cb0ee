// Replays a plan that glnn exported: textures, shader texts and draws. Knows no operator, needs no other package.
//
//     import * as glnn from "./runner.js";
//     const model = await glnn.load("folder/", {onProgress: ({loaded, total}) => ...});
//     const {probabilities} = await model.predict({image: new Float32Array(64)});
import {fetchBytes, fetchManifest, known, more} from "./files.js";
import {GlnnError, told} from "./errors.js";
import {choose, later} from "./device.js";
import {Model} from "./model.js";

/** The model in an exported folder, ready to predict. Raises GlnnError; see runner.d.ts. */
export async function load(url, {backend = "auto", variant: name, device: shared, onContextLost, ...options} = {}) {
  const base = new URL(url, self.document ? document.baseURI : location), abort = new AbortController();
  base.pathname = base.pathname.replace(/\/?$/, "/");
  if (options.worker) return (await import("./runner-worker.js")).load(base, arguments[1], load, GlnnError);
  let model, failure, loaded = 0, at = 0;
  const stop = (reason) => {
    failure = failure || reason; // the others follow from it
    abort.abort();
    if (model) model.dispose();
  };
  try {
    const {cache, signal, timeout} = options;
    Object.assign(options, {search: base.search, signal: abort.signal});
    if (cache || signal || timeout) await (await more()).prepare(base, options, signal, stop);
    const manifest = await fetchManifest(base, options), {shards, bytes} = manifest.weights;
    const {device, variant} = choose(manifest, backend, name, await shared);
    model = device; // what is disposed of where something fails
    const total = bytes + variant.plan.bytes, store = new ArrayBuffer(bytes);
    const onBytes = (count) => options.onProgress && options.onProgress({loaded: (loaded += count), total});
    const get = (file, into) => {
      const bytes = fetchBytes(base, file, {...options, onBytes, into});
      bytes.catch(stop);
      return bytes;
    };
    const planned = get(variant.plan);
    const arrived = shards.map((shard) => {
      const file = get(shard, new Uint8Array(store, at, shard.bytes));
      return {begin: at, end: (at += shard.bytes), file};
    });
    const plan = await new Response(await planned).json();
    known(plan.version, new URL(variant.plan.file, base));
    model = new Model(manifest, device, variant, plan, store);
    if (onContextLost) model.addEventListener("contextlost", onContextLost);
    const complete = ({offset, bytes}) => arrived.every((s) => s.done || s.end <= offset || s.begin >= offset + bytes);
    const compiled = async () => {
      while (model._same(0) || !model._programs.every((program) => device.done(program))) await later(4);
      model._link();
      await model._firstDraws();
    };
    await Promise.all([compiled(), ...arrived.map(async (shard) => {
      await shard.file;
      shard.done = true;
      model._same(0);
      model._upload(complete);
    })]);
    if (options.done) await options.done();
    model._same(0);
    model._upload(); // what needs no shard
    model._finish();
    return model;
  } catch (error) {
    stop(error);
    throw told(failure, base);
  }
}
