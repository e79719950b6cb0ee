// Replays a plan that glnn exported: textures, shader texts and draws. Knows no operator, needs no other package.
//
//     import * as glnn from "./runner.js";
//     const model = await glnn.load("folder/", {onProgress: ({loaded, total}) => ...});
//     const {probabilities} = await model.predict({image: new Float32Array(64)});
import {fetchBytes, fetchManifest, known} from "./files.js";
import {GlnnError} from "./errors.js";
import {choose, later} from "./device.js";
import {Model} from "./model.js";

/** The model in an exported folder, ready to predict. Raises GlnnError; see runner.d.ts. */
export async function load(url, {onProgress = () => {}, backend = "auto", variant: name, device: shared, onContextLost, worker} = {}) {
  const base = new URL(`${url}`.replace(/\/?$/, "/"), typeof document === "undefined" ? location.href : document.baseURI);
  if (worker) return (await import("./runner-worker.js")).load(base, arguments[1], load, GlnnError);
  const manifest = await fetchManifest(base);
  const {device, variant} = choose(manifest, backend, name, await shared);
  const abort = new AbortController(), {shards, bytes} = manifest.weights;
  let model = device; // what a failure disposes of
  try {
    const total = bytes + variant.plan.bytes, store = new ArrayBuffer(bytes);
    let loaded = 0, at = 0;
    const onBytes = (count) => onProgress({loaded: (loaded += count), total});
    const get = (file, into) => fetchBytes(base, file, {signal: abort.signal, onBytes, into});
    const planned = get(variant.plan);
    const arrived = shards.map((shard) => {
      const file = get(shard, new Uint8Array(store, at, shard.bytes));
      return {begin: at, end: (at += shard.bytes), file};
    });
    const all = [planned, ...arrived.map((shard) => shard.file)];
    for (const file of all) file.catch(() => {}); // the first failure is thrown below, the others go with it
    const plan = await new Response(await Promise.race([planned, Promise.all(all).then(() => planned)])).json();
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
    model._same(0);
    model._upload(); // what needs no shard
    model._finish();
    return model;
  } catch (error) {
    abort.abort();
    model.dispose();
    throw error;
  }
}
