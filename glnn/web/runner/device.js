// WebGL: a context with its live objects counted, and the first variant of an export that works here.
import {fail} from "./errors.js";
import {toHalf} from "./layouts.js";

const BACKENDS = ["webgl2", "webgl1"];
const KINDS = {textures: "Texture", buffers: "Buffer", programs: "Program", framebuffers: "Framebuffer"};

/** A turn of the event loop by a message: timers set after it are not clamped to 4 ms, as nested timers are. */
const hop = () => new Promise((resolve) => {
  const {port1, port2} = new MessageChannel();
  port1.onmessage = () => resolve(port1.close());
  port2.postMessage(0);
});

/** Waits about `ms`; timers of a hidden page go off once a second, so it takes turns without a pause. */
const later = (ms) => globalThis.document?.hidden ? hop() : new Promise((resolve) => setTimeout(resolve, ms));

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
    this.viewport = [];
    this.unit = 0; // the next program's first
    this.units = gl.getParameter(gl.MAX_TEXTURE_IMAGE_UNITS);
    this.free();
    for (const name of ["EXT_color_buffer_float", "EXT_color_buffer_half_float", "WEBGL_color_buffer_float"]) gl.getExtension(name);
    const half = two ? gl.HALF_FLOAT : (gl.getExtension("OES_texture_half_float") || {}).HALF_FLOAT_OES;
    this.parallel = gl.getExtension("KHR_parallel_shader_compile");
    this.twice = /llvmpipe/.test(this.renderer);
    this.tried = two && /llvmpipe|swiftshader/i.test(this.renderer);
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
    gl.enable(gl.SCISSOR_TEST);
    this.longest = gl.getParameter(gl.MAX_VIEWPORT_DIMS)[0];
    gl.bindBuffer(gl.ARRAY_BUFFER, this.make("buffers"));
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 1, -1, -1, 1, -1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
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

  /** Waits, without blocking and about `expected` ms, until all commands so far are done. WebGL1 cannot tell. */
  async passed(expected = 25) {
    const {gl} = this, fence = gl.fenceSync && gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    let wait = expected * 0.7, status;
    gl.flush();
    do {
      await hop();
      await later(wait);
      wait = Math.max(1, expected * 0.02); // asking without a pause takes a core from a software renderer
      status = !fence || !gl.isSync(fence) || gl.clientWaitSync(fence, 0, 0); // it is none of a context that is lost, or was
    } while (status === gl.TIMEOUT_EXPIRED);
    if (fence && (status !== true || gl.isContextLost())) gl.deleteSync(fence);
    if (status === gl.WAIT_FAILED) fail("limit", `${this.renderer} failed while it was waited for`);
  }

  dispose() {
    this.free();
    const lose = this.gl.getExtension("WEBGL_lose_context");
    if (lose) lose.loseContext();
  }

  /** A texture of width x height texels: plain 2D for layers 0, else a 2D array. */
  texture(width, height, layers, format) {
    const {gl} = this, kind = layers ? gl.TEXTURE_2D_ARRAY : gl.TEXTURE_2D, [internal, order, type] = this.formats[format];
    const texture = {kind, layers, format, name: this.make("textures"), targets: {}};
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

  /** The framebuffer that draws into a texture, layer first + i through draw buffer i; made once. */
  target({name, layers, targets}, first, count) {
    const {gl} = this, key = [first, count];
    if (targets[key]) return targets[key];
    const framebuffer = (targets[key] = this.make("framebuffers"));
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

  /** A program whose compilation is under way; `finish` asks how it ended, and waits for whatever the device was told before. */
  compile(vertex, {fragment, samplers}) {
    const {gl} = this, name = this.make("programs");
    const shaders = [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]].map(([type, text]) => {
      const shader = gl.createShader(type);
      // llvmpipe compiles what has one output twice unless it may discard: docs/driver-notes.md.
      gl.shaderSource(shader, this.twice && text !== vertex && !text.includes("out_1") ? text.replace("main() {", "$& if (gl_FragCoord.x < 0.0) discard;") : text);
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
    // Units of its own, as far as there are: programs that take turns then bind again only what changes.
    program.units = program.samplers.map((sampler) => {
      const unit = this.unit++ % this.units;
      gl.uniform1i(gl.getUniformLocation(name, sampler), unit);
      return unit;
    });
    program.P = gl.getUniformLocation(name, "P");
    program.F = gl.getUniformLocation(name, "F");
  }

  /** Runs the program once per texel of the viewport; what is bound already is not bound again. */
  draw({program, framebuffer, viewport, textures, ints, floats}) {
    const {gl} = this;
    if (framebuffer !== this.framebuffer) gl.bindFramebuffer(gl.FRAMEBUFFER, (this.framebuffer = framebuffer));
    if (viewport.some((side, i) => side !== this.viewport[i])) {
      // A triangle that leaves the viewport is cut in two, and software shades the cut twice: half of a larger one covers it.
      const [x, y, w, h] = (this.viewport = viewport), half = 2 * Math.max(w, h) <= this.longest;
      gl.scissor(x, y, w, h);
      gl.viewport(x, y, w << half, h << half);
      this.first = 3 * !half;
    }
    if (program !== this.program) gl.useProgram((this.program = program).name);
    textures.forEach((texture, i) => this.bind(program.units[i], texture));
    if (program.P && ints !== program.ints) gl.uniform4iv(program.P, (program.ints = ints));
    if (program.F && floats !== program.floats) gl.uniform4fv(program.F, (program.floats = floats));
    gl.drawArrays(gl.TRIANGLES, this.first, 3);
  }

  get renderer() {
    const info = this.gl.getExtension("WEBGL_debug_renderer_info");
    return this.gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : this.gl.RENDERER) || "WebGL";
  }

  /** Why the device cannot run a variant, "" if it can: sizes are asked, targets drawn to, read back and compared. */
  unfit({formats, targets, limits}) {
    const {gl} = this, {MAX_DRAW_BUFFERS: buffers} = limits;
    for (const name in limits) if (gl.getParameter(gl[name]) < limits[name]) return `needs ${name} ${limits[name]}, this device has ${gl.getParameter(gl[name])}`;
    for (const format of formats) if (!this.formats[format][2]) return `needs ${format} textures`;
    const before = new Map(this.live);
    for (const format of targets) try {
      if (!this.copies(format, buffers)) return `${format} targets (${buffers || 1} at once) do not keep what is drawn to them`;
    } catch (error) {
      return `${format} targets: ${error.message}`;
    } finally {
      this.free(before);
      while (gl.getError()) if (gl.isContextLost()) break;
    }
    return "";
  }

  /** Draws a copy of a texture, layer by layer, and compares: lower precision or range, or a lost layer, would show.
   *
   * Where glnn's tests draw, targets are cleared instead: a program takes a renderer in software 50 ms to compile. */
  copies(format, layers = 0) {
    const {gl, tried} = this, w = 7, h = 5, n = layers || 1, size = w * h * 4, half = format === "float16", bytes = format === "rgba8";
    const value = (i) => bytes ? (i * 89 + 7) % 256 : half ? Math.trunc(Math.sin(i) * 2047) * 2 ** (i % 8) / 64 : Math.sin(i + 1) * 2 ** (((i * 37) % 120) - 60);
    const values = (bytes ? Uint8Array : Float32Array).from({length: size * n}, (_, i) => value(tried ? i % 4 + 4 * Math.floor(i / size) : i));
    const outs = Array.from({length: n}, (_, i) => i), into = this.texture(w, h, layers, format), framebuffer = this.target(into, 0, n);
    if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE) return false;
    if (tried) {
      gl.scissor(0, 0, w, h);
      for (const i of outs) gl.clearBufferfv(gl.COLOR, i, Array.from(values.subarray(i * size, i * size + 4), (v) => bytes ? v / 255 : v));
      this.viewport = [];
    } else this.copy(values, format, layers, framebuffer, w, h);
    const got = values.slice(0, size);
    return outs.every((layer) => {
      if (layers) gl.readBuffer(gl.COLOR_ATTACHMENT0 + layer);
      this.read(format, got.fill(0), w, h);
      return got.every((value, i) => value === values[layer * size + i]);
    });
  }

  /** Draws values of w x h texels, layer by layer, as a texture has them. */
  copy(values, format, layers, framebuffer, w, h) {
    const outs = Array.from({length: layers}, (_, i) => i);
    const head = `precision highp float;uniform vec4 F;`, from = "gl_FragCoord.xy/F.xy";
    const [vertex, fragment] = layers
      ? ["#version 300 es\nin vec2 p;void main(){gl_Position=vec4(p,0,1);}",
        `#version 300 es\n${head}precision highp sampler2DArray;uniform sampler2DArray a;${outs.map((i) => `layout(location=${i}) out vec4 o${i};`).join("")}` +
        `void main(){${outs.map((i) => `o${i}=texture(a,vec3(${from},${i}))*F.z;`).join("")}}`]
      : ["attribute vec2 p;void main(){gl_Position=vec4(p,0,1);}", `${head}precision highp sampler2D;uniform sampler2D a;void main(){gl_FragColor=texture2D(a,${from})*F.z;}`];
    const source = this.texture(w, h, layers, format), program = this.compile(vertex, {fragment, samplers: ["a"]});
    this.write(source, values, w, h);
    this.finish(program, "the probe");
    this.draw({program, framebuffer, viewport: [0, 0, w, h], textures: [source], floats: new Float32Array([w, h, 1, 0])});
  }
}

const lost = () => fail("context-lost", "the browser took the WebGL context away; wait for the event contextrestored, then try again");

/** The first device and variant that work here, in the manifest's order; on the device that is given, if one is. */
function choose({variants}, backend, name, given) {
  const asked = variants.filter((v) => (!name || v.name === name) && (backend === "auto" || v.backend === backend) && (!given || v.backend === given.backend));
  if (!asked.length) fail("input", `variant ${name || "any"}, backend ${given ? given.backend : backend}: there are ${variants.map((v) => `${v.name} (${v.backend})`).join(", ")}, and auto`);
  const tried = [];
  let code = "no-webgl";
  for (const kind of BACKENDS) {
    const wanted = asked.filter((v) => v.backend === kind), device = wanted.length && (given ? given.share() : new Device(kind));
    for (const variant of wanted) {
      const why = device.gl ? device.unfit(variant) : "the browser gives no context";
      if (!why) return {device, variant};
      tried.push(`${variant.name}: ${why}`);
    }
    if (!device.gl) continue;
    code = "no-variant";
    device.dispose();
  }
  fail(code, `no variant of this model runs here: ${tried.join("; ")}${code === "no-webgl" ? ". Turn on graphics acceleration, WebGL, or use another browser" : ""}`);
}

/** A context for several models: what load takes as `device`. */
export const device = async (options) => (await import("./runner-device.js")).device(Device, fail, options);

export {choose, later, lost};
