// Each contestant: the file of its input, its library, its model, one prediction (Float32Array in, typed array out).

const script = url => new Promise((resolve, reject) => {
  const element = Object.assign(document.createElement("script"), { src: url, onload: resolve });
  element.onerror = () => reject(new Error(`${url} does not load`));
  document.head.append(element);
});
let library, model;

const glnn = {
  input: "input-nhwc.bin",
  async library() { library = await import("./glnn/runner.js"); },
  async load() { model = await library.load("./glnn/"); },
  async predict(x) { return Object.values(await model.predict({ [model.inputs[0].name]: x }))[0]; },
  about: () => `${model.variant} on ${model.renderer}`,
};

const tfjs = {
  input: "input-nhwc.bin",
  async library() {
    await script("./npm/tfjs/tf.min.js");
    if (!await tf.setBackend("webgl")) throw new Error("TensorFlow.js has no WebGL here");
    await tf.ready();
  },
  async load() { model = await tf.loadGraphModel("./tfjs/model.json"); },
  async predict(x) {
    const shape = model.inputs[0].shape;
    const y = tf.tidy(() => model.predict(tf.tensor(x, shape)));
    const values = await y.data();
    y.dispose();
    return values;
  },
  about: () => `TensorFlow.js ${tf.version.tfjs}, ${tf.getBackend()} ${tf.env().get("WEBGL_VERSION")}`,
};

const ort = (pack) => ({
  input: "input-nchw.bin",
  async library() {
    await script("./npm/onnxruntime-web/ort.webgl.min.js");
    window.ort.env.webgl.pack = pack;
  },
  async load() { model = await window.ort.InferenceSession.create("./model.onnx", { executionProviders: ["webgl"] }); },
  async predict(x) {
    const size = Math.sqrt(x.length / 3);
    const tensor = new window.ort.Tensor("float32", x, [1, 3, size, size]);
    return (await model.run({ [model.inputNames[0]]: tensor }))[model.outputNames[0]].data;
  },
  about: () => `ONNX Runtime Web ${window.ort.env.versions.web}, webgl${pack ? ", packed" : ""}`,
});

export const contestants = { glnn, tfjs, ort: ort(false), "ort-packed": ort(true) };
