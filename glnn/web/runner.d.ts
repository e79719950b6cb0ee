/** Runs a model that `Model.export_web` or `glnn export-web` wrote. */

export interface Tensor {
  name: string;
  /** Sizes, batch first: values are row-major in this shape. */
  shape: number[];
}

export interface Pass {
  /** From 1, in the order of the draws. */
  pass: number;
  /** The layer of the model, and the kernel that drew it. */
  layer: string;
  kernel: string;
  /** Texels of the target that were drawn. */
  width: number;
  height: number;
  /** Milliseconds of all its turns, each as long as the first; null where the device was disturbed while it measured. */
  ms: number | null;
  /** "timer": GPU time by a timer query. "sync": time until a pixel of the target could be read back. */
  method: "timer" | "sync";
}

export interface Counts {
  textures: number;
  buffers: number;
  programs: number;
  framebuffers: number;
}

export interface Options {
  /**
   * Hears of every piece that arrives, in bytes: of the plan and of all weights; goes back where a transfer broke off.
   * cached, with the option `cache`: how many of those loaded were kept from an earlier visit.
   */
  onProgress?: (progress: {loaded: number; total: number; cached?: number}) => void;
  /** What fetch gets for every file: headers, credentials, mode, referrerPolicy and the like. The address's query goes to every file as well. */
  fetch?: Omit<RequestInit, "signal" | "method" | "body">;
  /** How often a file is asked for again after a failure of the network, 429 or 5xx (default 2): after pauses that grow from 0.4 s, or what Retry-After says, if the page may read it. */
  retries?: number;
  /** Milliseconds without a byte after which a file counts as failed; default: as the browser has it. */
  timeout?: number;
  /** Ends the loading: it rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Keeps all files in Cache Storage ("glnn"): the next load fetches the manifest alone, and without a network not even
   * that. What no manifest names any more is thrown out. Where a browser has no such storage, it changes nothing.
   */
  cache?: boolean;
  /** Which WebGL may be used; "auto" (the default) takes the best that works. */
  backend?: "auto" | "webgl2" | "webgl1";
  /** One variant of the export by name, instead of the first that works. */
  variant?: string;
  /** A context to share with other models, of `device()`; without it the model has its own, of which browsers grant a page 16 or 8. */
  device?: Device | Promise<Device>;
  /**
   * Runs the model in a Worker of its own, so that this thread stays free: `runner-worker.js` beside the runner, from the page's
   * own origin; no `blob:` is needed. Functions and a signal may be given as well, a device may not. Where the browser has
   * no WebGL in Workers, or does not let one start, the model runs on this thread and a warning on the console says why;
   * `Model.worker` tells. A Worker ends with dispose().
   */
  worker?: boolean;
  /** The same as a listener for the event "contextlost". */
  onContextLost?: (event: Event) => void;
}

/**
 * An input: row-major values, what stayed on the device, or, for a model of one picture, whatever the browser can show: an
 * image, canvas, video, VideoFrame, ImageBitmap, ImageData or Blob, as it is when predict is called. It is prepared as the
 * export says (fit, filter, background, scale: docs/pictures.md), with colours as the file has them, upright.
 */
export type Source = ArrayLike<number> | ImageBitmapSource | Result;

/**
 * An output that stays on the device, until it or its model is disposed of or the context is lost. An input of models on
 * the same device: of the same model, or of those that were loaded with the same `device`.
 */
export interface Result {
  readonly name: string;
  readonly shape: number[];
  /** Its row-major values. */
  read(): Promise<Float32Array>;
  /** A picture of it, to draw with drawImage or to hand to a context "bitmaprenderer". */
  bitmap(options?: {white?: number}): Promise<ImageBitmap>;
  /** Frees its texture. A second call does nothing. */
  dispose(): void;
}

export interface PredictOptions {
  /** Cancels the prediction: it rejects with the signal's reason (an AbortError), and draws nothing if it had not begun. */
  signal?: AbortSignal;
}

/** What went wrong. */
export type Code =
  | "network" // a file could not be fetched
  | "timeout" // the server went silent for longer than the option `timeout`
  | "unauthorized" // 401: the server wants credentials
  | "forbidden" // 403: it does not take these, or the signed address has expired
  | "not-found" // 404 or 410: the server does not have a file, or the folder is no export
  | "busy" // 429 or 503, after all tries
  | "server" // any other answer that is no file
  | "bad-version" // an export of another version of glnn
  | "bad-data" // a file that is truncated or changed
  | "no-webgl" // the browser offers no WebGL
  | "no-variant" // no variant of the export works on this device; the message lists why
  | "kernel" // a kernel does not compile; the message names pass, layer and the compiler's message
  | "limit" // the device ran out of memory, or failed
  | "input" // a wrong option, or inputs of wrong name or length
  | "context-lost" // the browser took the context away; the model restores itself with the event "contextrestored"
  | "disposed"; // the model, or its device, is used after dispose()

export class GlnnError extends Error {
  constructor(code: Code, message: string);
  readonly code: Code;
}

/** Dispatches "contextlost", "contextrestored", and "error" (with `error`) where a context could not be restored. */
export interface Model extends EventTarget {
  readonly name: string;
  readonly inputs: Tensor[];
  readonly outputs: Tensor[];
  /** The name of the variant that runs, and the device's own name. */
  readonly variant: string;
  readonly renderer: string;
  /** Whether it runs in a Worker. */
  readonly worker?: true;
  /** manifest.json, and the plan of the variant, as they were loaded. */
  readonly manifest: any;
  readonly plan: any;
  /** Outputs by name, in the shapes of `outputs`. Calls run one after another; inputs may be changed as soon as it is called. */
  predict(inputs: Record<string, Source>, options?: PredictOptions): Promise<Record<string, Float32Array>>;
  /** ... that stay on the device. Not of a model in a Worker. */
  predict(inputs: Record<string, Source>, options: PredictOptions & {as: "texture"}): Promise<Record<string, Result>>;
  /** ... as pictures, where they are such. `white`: the value of white, 255 unless the model gives shares of it (1). */
  predict(inputs: Record<string, Source>, options: PredictOptions & {as: "bitmap"; white?: number}): Promise<Record<string, ImageBitmap>>;
  /** The passes of one prediction with their times, on the inputs of the last. */
  profile(): Promise<Pass[]>;
  /** The model's live WebGL objects, as WebGL has them; of a model in a Worker, a promise. */
  counts(): Counts | Promise<Counts>;
  /**
   * Frees textures, programs, and the context where it is the model's own; predictions under way reject with "disposed".
   * A second call does nothing.
   */
  dispose(): void;
}

/** A WebGL context that models share. Lost, it comes back for all of them, and each dispatches its own events. */
export interface Device {
  readonly backend: "webgl2" | "webgl1";
  /** The device's own name. */
  readonly renderer: string;
  /** The live WebGL objects of all its models, and its own buffer. */
  counts(): Counts;
  /** Frees the context and all models on it. A second call does nothing. */
  dispose(): void;
}

/** A context for `load(url, {device})`: any number of models can share it. Rejects with GlnnError. */
export function device(options?: {backend?: "auto" | "webgl2" | "webgl1"}): Promise<Device>;

/** The model in the folder at `url` (relative to the page), ready to predict. Rejects with GlnnError, or with the reason of `signal`. */
export function load(url: string | URL, options?: Options): Promise<Model>;

/** The bits of float16, rounded to nearest even; beyond 65504 is infinity. */
export function toHalf(values: Float32Array): Uint16Array;
