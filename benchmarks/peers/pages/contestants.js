// Each contestant: its order of an image's axes, its library, its model, one prediction (values in, a typed array out).
// `place`: {folder: the network's, shape: its input's with the batch, last channels; whole: its values are whole numbers; threads}

const script = url => new Promise((resolve, reject) => {
  const element = Object.assign(document.createElement("script"), { src: url, onload: resolve });
  element.onerror = () => reject(new Error(`${url} does not load`));
  document.head.append(element);
});
let library, model;

const glnn = {
  order: "nhwc",
  async library(place) { library = await import(`${place.folder}glnn/runner.js`); },
  async load(place) { model = await library.load(`${place.folder}glnn/`); },
  async predict(x) { return Object.values(await model.predict({ [model.inputs[0].name]: x }))[0]; },
  about: () => `glnn ${model.variant} on ${model.renderer}`,
};

/** TensorFlow.js has no instance normalization: the layer in its own words, mean and variance with the fewest operators. */
function defineInstanceNormalization() {
  class InstanceNormalization extends tf.layers.Layer {
    static className = "InstanceNormalization";
    constructor(config) {
      super(config);
      this.epsilon = config.epsilon;
    }
    build(shape) {
      for (const name of ["gamma", "beta"]) this[name] = this.addWeight(name, shape.slice(-1), "float32", tf.initializers.zeros());
      this.built = true;
    }
    computeOutputShape(shape) { return shape; }
    call(inputs) {
      return tf.tidy(() => {
        const x = Array.isArray(inputs) ? inputs[0] : inputs, { mean, variance } = tf.moments(x, [1, 2], true);
        const scale = variance.add(this.epsilon).rsqrt().mul(this.gamma.read());
        return x.mul(scale).add(this.beta.read().sub(mean.mul(scale)));
      });
    }
  }
  tf.serialization.registerClass(InstanceNormalization);
}

const tfjs = (backend, form) => ({
  order: "nhwc",
  async library(place) {
    await script("/npm/tfjs/tf.min.js");
    if (backend === "wasm") {
      await script("/npm/tfjs-backend-wasm/tf-backend-wasm.min.js");
      tf.wasm.setWasmPaths("/npm/tfjs-backend-wasm/");
      tf.wasm.setThreadsCount(place.threads);
    }
    if (form === "layers") defineInstanceNormalization();
  },
  async load(place) {
    // The others make their context, or fetch their wasm, while they load.
    if (!await tf.setBackend(backend)) throw new Error(`TensorFlow.js has no ${backend} here`);
    await tf.ready();
    this.shape = place.shape;
    this.type = place.whole && form === "graph" ? "int32" : "float32"; // layers-models take words as floats
    model = await (form === "layers" ? tf.loadLayersModel : tf.loadGraphModel)(`${place.folder}${form}/model.json`);
  },
  async predict(x) {
    const y = tf.tidy(() => model.predict(tf.tensor(x, this.shape, this.type)));
    const values = await y.data();
    y.dispose();
    return values;
  },
  about: () => `TensorFlow.js ${tf.version_core}, ${backend}${backend === "wasm" ? `, ${tf.wasm.getThreadsCount()} threads` : ""}`,
});

const ort = backend => ({
  order: "nchw",
  async library(place) {
    await script(`/npm/onnxruntime-web/ort.${backend}.min.js`);
    window.ort.env.wasm.wasmPaths = "/npm/onnxruntime-web/";
    window.ort.env.wasm.numThreads = place.threads;
  },
  async load(place) {
    const [n, h, w, c] = place.shape;
    this.shape = c ? [n, c, h, w] : place.shape;
    model = await window.ort.InferenceSession.create(`${place.folder}model.onnx`, { executionProviders: [backend] });
  },
  async predict(x) {
    const output = (await model.run({ [model.inputNames[0]]: new window.ort.Tensor("float32", x, this.shape) }))[model.outputNames[0]];
    this.dims = output.dims; // of an image: channels before its sides
    return output.data;
  },
  about: () => `ONNX Runtime Web ${window.ort.env.versions.web}, ${backend}`,
});

export const contestants = {
  "glnn-page": glnn,
  "tfjs-webgl-layers": tfjs("webgl", "layers"),
  "tfjs-webgl-graph": tfjs("webgl", "graph"),
  "tfjs-wasm": tfjs("wasm", "graph"),
  "ort-webgl": ort("webgl"),
  "ort-wasm": ort("wasm"),
};
