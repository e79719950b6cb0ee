// Pictures and textures as inputs, results as textures and bitmaps; loaded by the runner when a prediction has such.
// Where the device draws to float32 no value passes through an array: a picture is resized and packed by three draws.

const SCALED = 255; // what is white, of values that are prepared as pictures are
const HEAD = "#version 300 es\nprecision highp float;precision highp int;precision highp sampler2D;precision highp sampler2DArray;uniform ivec4 P[4];uniform vec4 F[2];out vec4 o;";
const VERTEX = "#version 300 es\nin vec2 p;void main(){gl_Position=vec4(p,0,1);}";
// A pixel out of the picture (P[0]: left, top, width, height) on its background (F[0]), for P[1].x channels: bytes, unless there are four.
const PIXEL = [
  "vec4 pixel(ivec2 at){at+=P[0].xy;",
  "vec4 v=any(lessThan(at,ivec2(0)))||any(greaterThanEqual(at,P[0].zw))?vec4(0):floor(texelFetch(a,at,0)*255.+.5);",
  "v.rgb=(v.a*v.rgb+(255.-v.a)*F[0].rgb)/255.;if(P[1].x>3)return v;ivec3 b=ivec3(floor(v.rgb+.5));",
  "return P[1].x>1?vec4(b,0):vec4((19595*b.r+38470*b.g+7471*b.b+32768)>>16);}",
].join("");
// A row of the table t is a place of the first pixel, a count, and so many weights.
const sum = (pixel, from, axis) => `vec4 total(ivec2 at){int row=at.${axis};vec4 head=texelFetch(t,ivec2(0,row),0),v=vec4(0);for(int i=0;i<int(head.y);i++)v+=texelFetch(t,ivec2(1+i/4,row),0)[i%4]*${pixel}(${from});return v;}`;
const TEXTS = {
  columns: {samplers: ["a", "t"], code: ["uniform sampler2D a,t;", PIXEL, sum("pixel", "ivec2(int(head.x)+i,at.y)", "x"), "void main(){o=total(ivec2(gl_FragCoord.xy));}"]},
  // ... and scaled: F[0] factors, F[1] offsets, P[2] which colour a channel is.
  rows: {samplers: ["a", "t"], code: [
    "uniform sampler2D a,t;vec4 pixel(ivec2 at){return texelFetch(a,at,0);}", sum("pixel", "ivec2(at.x,int(head.x)+i)", "y"),
    "void main(){vec4 v=total(ivec2(gl_FragCoord.xy));if(P[1].x>3)v.rgb=v.a<.5?vec3(0):v.rgb*255./v.a;v=clamp(v,0.,255.);",
    "o=vec4(v[P[2].x],v[P[2].y],v[P[2].z],v[P[2].w])*F[0]+F[1];}",
  ]},
};
// The value at a flat index: of a picture of P[3].y columns by P[3].x channels, taken as a matrix of P[3].zw and column by column;
// or of a tensor, whose layout is L: as move in layouts.js has it.
const INT = (names) => names.map((name, i) => `\n#define ${name} L[${i >> 2}].${"xyzw"[i % 4]}`).join("");
const FIELDS = ["N", "H", "W", "C", "BH", "BW", "TH", "TW", "FLAT", "LAYERS", "WIDE", "HIGH", "COLUMNS", "ROWS"];
const OF_PICTURE = "uniform sampler2D a;float value(int i){int p=i%P[3].z*P[3].w+i/P[3].z,q=p/P[3].x;return texelFetch(a,ivec2(q%P[3].y,q/P[3].y),0)[p%P[3].x];}";
const OF_TENSOR = [
  "uniform sampler2DArray a;float value(int i){int c=i%C,w=i/C%W,h=i/(C*W)%H,n=i/(C*W*H),layer=h%BH*BW+w%BW,y=FLAT>0?0:h/BH,x=FLAT>0?0:w/BW,",
  "tile=(FLAT>0?(n*H+h)*W+w:n)*((C+3)/4)+c/4,row=tile/COLUMNS,part=row/ROWS;",
  "return texelFetch(a,ivec3((tile-row*COLUMNS)*TW+x,(row-part*ROWS)*TH+y,part*LAYERS+layer),0)[c%4];}",
].join("");
// The texel of part P[0].x of the tensor M at a place, pixel P[0].y of its block: the reverse, for inputs.
const PACK = [
  "void main(){ivec2 at=ivec2(gl_FragCoord.xy);int row=P[0].x*M[3].y+at.y/M[1].z,column=at.x/M[1].w,tile=row*M[3].x+column,groups=(M[0].w+3)/4,q=tile/groups;",
  "ivec4 d=M[0];int n=q,h=at.y%M[1].z*M[1].x+P[0].y/M[1].y,w=at.x%M[1].w*M[1].y+P[0].y%M[1].y;if(M[2].x>0){n=q/(d.y*d.z);h=q/d.z%d.y;w=q%d.z;}",
  "vec4 r;for(int l=0;l<4;l++){int c=tile%groups*4+l;r[l]=column<M[3].x&&n<d.x&&h<d.y&&w<d.z&&c<d.w?value(((n*d.y+h)*d.z+w)*d.w+c):0.;}o=r;}",
].join("");
// A tensor as a picture of P[1].xyz rows, columns and channels, upside down, as the canvas has its rows: P[3].zw as above.
const SHOW = [
  "void main(){ivec2 at=ivec2(gl_FragCoord.xy);vec4 v=vec4(0,0,0,1);for(int k=0;k<P[1].z;k++){int p=((P[1].x-1-at.y)*P[1].y+at.x)*P[1].z+k;v[k]=value(p%P[3].z*P[3].w+p/P[3].z);}",
  "v=(v-F[1])/F[0];o=P[1].z<2?vec4(v.rrr,1):vec4(v[P[2].x],v[P[2].y],v[P[2].z],1);}",
].join("");

const caches = new WeakMap(); // a context's book of live objects -> what was made in it for pictures

function cached(device) {
  if (!caches.has(device.live)) caches.set(device.live, {programs: {}, textures: {}});
  return caches.get(device.live);
}

const numbers = ({dims, block, tile, flat, layers, width, height, columns, part_rows: rows}) => [...dims, ...block, ...tile, +flat, layers, width, height, columns, rows, 0, 0];

/** Layouts are constants of a text, as sizes are in a plan's: the compiler divides by them. */
function program(device, name, {samplers, code}, layouts = {}) {
  const {programs} = cached(device), key = [name, JSON.stringify(layouts)];
  if (programs[key]) return programs[key];
  const array = (letter) => {
    const n = numbers(layouts[letter]), four = [0, 4, 8, 12].map((i) => `ivec4(${n.slice(i, i + 4)})`);
    return `const ivec4 ${letter}[4]=ivec4[4](${four});`;
  };
  const fragment = `${HEAD}${Object.keys(layouts).map(array).join("")}${layouts.L ? INT(FIELDS) : ""}\n${code.join("")}`;
  const made = device.compile(VERTEX, {fragment, samplers});
  device.finish(made, `the kernel of pictures (${name})`);
  return (programs[key] = made);
}

function drop(device, {name, targets}) {
  for (const framebuffer of Object.values(targets)) {
    device.gl.deleteFramebuffer(framebuffer);
    device.live.delete(framebuffer);
  }
  device.gl.deleteTexture(name);
  device.live.delete(name);
  device.bound = [];
  device.framebuffer = undefined;
}

/** A texture that is kept under a name for as long as it keeps its size. */
function kept(device, name, width, height, format) {
  const {textures} = cached(device), old = textures[name];
  if (old && old.width === width && old.height === height) return old;
  if (old) drop(device, old);
  return (textures[name] = Object.assign(device.texture(width, height, 0, format), {width, height}));
}

const floats = ({gl, backend}, {lanes}) => backend === "webgl2" && lanes === 4 && gl.getExtension("EXT_color_buffer_float");

/** The table of weights with which so many pixels become others: kept, since all pictures of a camera have one size. */
function table(device, axis, from, to, filter, weights) {
  const {textures} = cached(device), key = [from, to, filter].join();
  if (textures[axis] && textures[axis].key === key) return textures[axis];
  const rows = weights(from, to, filter), width = 1 + Math.ceil(Math.max(...rows.map(({taps}) => taps.length)) / 4), values = new Float32Array(width * 4 * to);
  rows.forEach(({first, taps}, i) => values.set([first, taps.length, 0, 0, ...taps], i * width * 4));
  const made = kept(device, axis, width, to, "float32");
  device.write(made, values, width, to);
  return Object.assign(made, {key});
}

/** Draws a program's texels into every part of an input's texture, pixel by pixel of its blocks. */
function pack(device, name, text, source, layouts, tensor, texture, last = [0, 0, 0, 0]) {
  const {parts, layers, width, height} = tensor.layout, made = program(device, name, text, layouts);
  for (let layer = 0; layer < parts * layers; layer++) {
    const ints = new Int32Array([Math.floor(layer / layers), layer % layers, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...last]);
    device.draw({program: made, framebuffer: device.target(texture, layer, 1), viewport: [0, 0, width, height], textures: [source], ints});
  }
}

const length = (shape) => shape.reduce((a, b) => a * b, 1);

/** Puts a bitmap or a Result into the texture of a tensor of the plan; where it cannot, the row-major values. */
export async function fill(model, tensor, source, fail) {
  model._usable();
  const {_device: device, manifest} = model, {gl} = device, {name, shape, layout, slots} = tensor, into = model._slots[slots[0]];
  const refuse = (why) => fail("input", `input ${name}: ${why}`);
  if (source instanceof Result) {
    source._check(refuse);
    if (length(source.shape) !== length(shape)) refuse(`a result of ${source.shape.join(" x ")} given, ${length(shape)} values expected (${shape.join(" x ")})`);
    if (source._values) return source._values;
    if (source._device.gl !== gl) refuse("a result of another device. Load both models with one `device`, or hand on its values: await result.read()");
    if (!floats(device, tensor)) return source._now();
    pack(device, "tensor", {samplers: ["a"], code: [OF_TENSOR, PACK]}, source._texture, {L: source._layout, M: layout}, tensor, into);
    return;
  }
  const [picture] = manifest.pictures, {width, height} = source;
  if (!picture || length(picture.slice(0, 3)) !== length(shape)) refuse(`a picture given, ${length(shape)} values expected (${shape.join(" x ")})`);
  const most = gl.getParameter(gl.MAX_TEXTURE_SIZE), [h, w, c, rows, columns] = picture, {factor, offset, order, filter, background} = manifest.picture;
  if (Math.max(width, height) > most) refuse(`a picture of ${width} x ${height} pixels, this device takes ${most}`);
  const bytes = kept(device, "picture", width, height, "rgba8"), pixels = import("./page-pixels.js");
  device.bound[0] = undefined; // makes unit 0 the active one
  device.bind(0, bytes);
  gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, gl.RGBA, gl.UNSIGNED_BYTE, source);
  source.close();
  const {BLACK, area, taken, turned, weights} = await pixels, back = c > 3 ? BLACK : background, part = area(manifest, picture, width, height), [left, top, wide, high] = part;
  model._usable();
  if (!floats(device, tensor)) {
    const data = new Uint8Array(width * height * 4);
    gl.bindFramebuffer(gl.FRAMEBUFFER, (device.framebuffer = device.target(bytes, 0, 1)));
    device.read("rgba8", data, width, height);
    return turned(picture, taken(manifest, picture, data, width, part, back));
  }
  const four = (values, rest) => Array.from({length: 4}, (_, i) => values[i] ?? rest), view = (x, y) => [0, 0, x, y];
  const middle = kept(device, "middle", w, high, "float32"), made = kept(device, "made", w, h, "float32");
  const colours = c > 1 ? four(order, 3) : [0, 0, 0, 0];
  device.draw({
    program: program(device, "columns", TEXTS.columns), framebuffer: device.target(middle, 0, 1), viewport: view(w, high), textures: [bytes, table(device, "across", wide, w, filter, weights)],
    ints: new Int32Array([left, top, width, height, c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]), floats: new Float32Array([...back, 0, 0, 0, 0, 0]),
  });
  device.draw({
    program: program(device, "rows", TEXTS.rows), framebuffer: device.target(made, 0, 1), viewport: view(w, h), textures: [middle, table(device, "down", high, h, filter, weights)],
    ints: new Int32Array([0, 0, 0, 0, c, 0, 0, 0, ...colours, 0, 0, 0, 0]), floats: new Float32Array([...four(factor, 1), ...four(offset, 0)]),
  });
  pack(device, "picture", {samplers: ["a"], code: [OF_PICTURE, PACK]}, made, {M: layout}, tensor, into, [c, w, rows, columns]);
}

/** The outputs of the prediction that was drawn, as {as} says: "texture" or "bitmap". */
export async function results(model, {as, white = SCALED}, generation, fail) {
  model._same(generation);
  const {plan, _device: device, manifest} = model, made = {};
  if (!["texture", "bitmap"].includes(as)) fail("input", `as: ${as}; allowed are "texture" and "bitmap"`);
  const all = plan.outputs.map((tensor, i) => {
    const {slots, layout} = tensor, picture = manifest.pictures[i + 1], texture = model._slots[slots[0]];
    if (as === "bitmap" && !picture) fail("input", `as: "bitmap": output ${tensor.name} (${tensor.shape.join(" x ")}) is no picture`);
    return new Result({model, generation, tensor, picture, white, fail, texture: floats(device, tensor) && texture, layout});
  });
  let values;
  if (!all.every((result) => result._texture)) {
    await model._read();
    model._same(generation);
    values = model._unpacked();
  }
  for (const result of all) {
    if (values) Object.assign(result, {_values: values[result.name], _texture: undefined});
    made[result.name] = as === "texture" ? result._own() : await result.bitmap();
  }
  return made;
}

/** An output that stays on the device: see runner.d.ts. */
class Result {
  constructor({model, generation, tensor: {name, shape}, texture, layout, picture, white, fail}) {
    Object.assign(this, {name, shape});
    Object.assign(this, {_model: model, _device: model._device, _generation: generation, _texture: texture, _layout: layout, _picture: picture, _white: white, _fail: fail});
  }

  _check(refuse) {
    if (this._disposed || this._model._disposed) refuse(`the result ${this.name} was disposed`);
    if (!this._values) this._model._same(this._generation);
  }

  /** Copies what the next prediction draws over. */
  _own() {
    if (!this._texture) return this;
    const {gl} = this._device, {width, height, depth, parts, layers} = this._layout, source = this._texture;
    this._texture = this._device.texture(width, height, depth, source.format);
    if (this._device.twice) gl.finish(); // llvmpipe may copy before it has drawn
    for (let layer = 0; layer < parts * layers; layer++) {
      gl.bindFramebuffer(gl.FRAMEBUFFER, (this._device.framebuffer = this._device.target(source, layer, 1)));
      this._device.bound[0] = undefined;
      this._device.bind(0, this._texture);
      gl.copyTexSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, layer, 0, 0, width, height);
    }
    return this;
  }

  /** The row-major values, waiting for the device. */
  _now() {
    if (this._values) return this._values;
    const device = this._device, count = length(this.shape), side = Math.min(count, 1024), high = Math.ceil(count / side / 4);
    const into = device.texture(side, high, 0, "float32"), values = new Float32Array(side * high * 4);
    const text = `void main(){int i=(int(gl_FragCoord.y)*${side}+int(gl_FragCoord.x))*4;vec4 r;for(int l=0;l<4;l++)r[l]=i+l<${count}?value(i+l):0.;o=r;}`;
    device.draw({program: program(device, `values ${count}`, {samplers: ["a"], code: [OF_TENSOR, text]}, {L: this._layout}), framebuffer: device.target(into, 0, 1), viewport: [0, 0, side, high], textures: [this._texture]});
    device.read("float32", values, side, high);
    drop(device, into);
    return values.slice(0, count);
  }

  async read() {
    return this._model._next(async () => {
      this._check((why) => this._fail("disposed", why));
      await this._device.passed();
      this._check((why) => this._fail("disposed", why));
      return this._now();
    });
  }

  /** An ImageBitmap of a picture: of values as they are prepared, or where `white` says what is white. */
  async bitmap({white = this._white} = {}) {
    this._check((why) => this._fail("disposed", why));
    if (!this._picture) this._fail("input", `output ${this.name} (${this.shape.join(" x ")}) is no picture`);
    const {canvas} = this._device, {factor, offset, order} = this._model.manifest.picture, [h, w, c, rows, columns] = this._picture;
    const by = (values, rest, times = 1) => Array.from({length: 4}, (_, k) => (values[k] ?? rest) * times);
    if (this._values) {
      const {turned} = await import("./page-pixels.js"), data = new ImageData(w, h), values = turned(this._picture, this._values);
      for (let i = 0; i < h * w * 4; i++) {
        const k = c > 1 ? order[i % 4] : 0;
        data.data[i] = i % 4 > 2 ? 255 : (values[(i >> 2) * c + k] - offset[k]) / factor[k] / white * 255;
      }
      return createImageBitmap(data);
    }
    [canvas.width, canvas.height] = [w, h];
    this._device.draw({
      program: program(this._device, "show", {samplers: ["a"], code: [OF_TENSOR, SHOW]}, {L: this._layout}), framebuffer: null, viewport: [0, 0, w, h], textures: [this._texture],
      ints: new Int32Array([0, 0, 0, 0, h, w, c, 0, ...(c > 1 ? by(order, 3) : [0, 0, 0, 0]), 0, 0, rows, columns]), floats: new Float32Array([...by(factor, 1, white), ...by(offset, 0)]),
    });
    return canvas.transferToImageBitmap ? canvas.transferToImageBitmap() : createImageBitmap(canvas);
  }

  dispose() {
    if (this._texture && !this._disposed && !this._model._disposed && this._generation === this._model._generation) drop(this._device, this._texture);
    this._disposed = true;
  }
}
