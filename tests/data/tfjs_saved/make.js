// Makes models of this folder and TensorFlow.js' own answers: `npm install @tensorflow/tfjs@4.22.0 && node make.js NAME...`.
// The copies here are what it wrote once; tests/pure/formats/test_tfjs.py reads them.
const fs = require("fs");
const tf = require("@tensorflow/tfjs");
const l = tf.layers;

let seed = 1;
const normal = (...shape) => tf.randomNormal(shape, 0, 1, "float32", seed++);
const list = (x) => (Array.isArray(x) ? x : [x]);
const plain = (tensors) => list(tensors).map((t) => ({ shape: t.shape, values: Array.from(t.dataSync()) }));

async function write(model, inputs) {
  const folder = `${__dirname}/${model.name}`;
  fs.mkdirSync(folder, { recursive: true });
  const handler = tf.io.withSaveHandler(async ({ weightSpecs, weightData, ...rest }) => {
    const weightsManifest = [{ paths: ["./weights.bin"], weights: weightSpecs }];
    fs.writeFileSync(`${folder}/model.json`, JSON.stringify({ ...rest, weightsManifest }));
    fs.writeFileSync(`${folder}/weights.bin`, Buffer.concat(list(weightData).map((part) => Buffer.from(part))));
    return { modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: "JSON" } };
  });
  await model.save(handler, { includeOptimizer: true });
  const answers = { inputs: plain(inputs), outputs: plain(model.predict(inputs)) };
  fs.writeFileSync(`${folder}/answers.json`, JSON.stringify(answers));
}

function images() {
  const model = tf.sequential({
    name: "images",
    layers: [
      l.conv2d({ inputShape: [10, 9, 3], filters: 6, kernelSize: 3, activation: "relu", padding: "same" }),
      l.maxPooling2d({ poolSize: 2 }),
      l.batchNormalization(),
      l.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: "same" }),
      l.leakyReLU(),
      l.separableConv2d({ filters: 5, kernelSize: 3, activation: "hardSigmoid" }),
      l.upSampling2d({ size: [2, 2] }),
      l.reLU({ maxValue: 6 }),
      l.dropout({ rate: 0.3 }),
      l.zeroPadding2d({ padding: [[1, 2], [0, 1]] }),
      l.conv2dTranspose({ filters: 3, kernelSize: 3, strides: 2 }),
      l.prelu({ sharedAxes: [1, 2] }),
      l.elu(),
      l.globalAveragePooling2d({}),
      l.dense({ units: 7, activation: "selu" }),
      l.dense({ units: 4, activation: "softmax" }),
    ],
  });
  model.setWeights(model.getWeights().map((w) => tf.abs(tf.add(tf.mul(normal(...w.shape), 0.4), 0.1))));
  return write(model, normal(2, 10, 9, 3));
}

function shared() {
  const a = tf.input({ shape: [8], name: "a" });
  const b = tf.input({ shape: [8], name: "b" });
  const inner = tf.sequential({
    name: "inner",
    layers: [l.dense({ units: 5, inputShape: [8], activation: "tanh" }), l.batchNormalization(), l.dense({ units: 5 })],
  });
  const both = l.dense({ units: 5, name: "both" });
  const sum = l.add().apply([inner.apply(a), both.apply(a)]);
  const joined = l.concatenate().apply([inner.apply(b), both.apply(b), sum]);
  const outputs = [l.dense({ units: 3 }).apply(joined), l.reshape({ targetShape: [5, 1] }).apply(sum)];
  return write(tf.model({ inputs: [a, b], outputs, name: "shared" }), [normal(2, 8), normal(2, 8)]);
}

async function trained() {
  const layers = [l.dense({ units: 6, inputShape: [5], activation: "relu" }), l.batchNormalization(), l.dense({ units: 2 })];
  const model = tf.sequential({ name: "trained", layers });
  model.compile({ optimizer: "adam", loss: "meanSquaredError" });
  await model.fit(normal(16, 5), normal(16, 2), { epochs: 2, verbose: 0 });
  await write(model, normal(2, 5));
}

// The form of what Teachable Machine exports: Sequential in Sequential, and the shape of the input in a model within.
function deeper() {
  const image = tf.input({ shape: [6, 6, 3] });
  const body = l.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: "same", useBias: false }).apply(image);
  const inner = tf.model({ inputs: image, outputs: l.reLU({ maxValue: 6 }).apply(l.batchNormalization().apply(body)) });
  const features = tf.sequential({ layers: [inner, l.globalAveragePooling2d({})] });
  const head = tf.sequential({
    layers: [l.dense({ inputShape: [4], units: 6, activation: "relu" }), l.dense({ units: 2, activation: "softmax" })],
  });
  const model = tf.sequential({ name: "deeper", layers: [features, head] });
  model.setWeights(model.getWeights().map((w) => tf.abs(tf.add(tf.mul(normal(...w.shape), 0.4), 0.1))));
  return write(model, normal(2, 6, 6, 3));
}

// Options in TensorFlow.js' own spelling, null where Keras has -1, and its own rule of bilinear enlargement.
function words() {
  const a = tf.input({ shape: [4, 5, 2], name: "inputOne" });
  const enlarged = l.upSampling2d({ size: [3, 2], interpolation: "bilinear", name: "upBilinear" }).apply(a);
  const nearest = l.upSampling2d({ size: [3, 2], interpolation: "nearest", dataFormat: "channelsLast" }).apply(a);
  const both = l.add().apply([enlarged, nearest]);
  const padded = l.zeroPadding2d({ padding: 1 }).apply(l.cropping2D({ cropping: [[1, 2], [0, 3]] }).apply(both));
  const pooled = l.averagePooling2d({ poolSize: 3, strides: null, padding: "same" }).apply(padded);
  const rows = l.reshape({ targetShape: [null, 2] }).apply(l.permute({ dims: [2, 1, 3] }).apply(pooled));
  const sharp = l.activation({ activation: "hardSigmoid" }).apply(l.activation({ activation: "gelu_new" }).apply(rows));
  const soft = l.activation({ activation: "logSoftmax" }).apply(l.activation({ activation: "swish" }).apply(rows));
  return write(tf.model({ inputs: a, outputs: [enlarged, sharp, soft], name: "words" }), normal(2, 4, 5, 2));
}

// TensorFlow.js leaves out the dilation of depthwise convolutions, which Keras computes.
function dilated() {
  const options = { inputShape: [6, 5, 2], kernelSize: 2, dilationRate: 2, padding: "same" };
  return write(tf.sequential({ name: "dilated", layers: [l.depthwiseConv2d(options)] }), normal(1, 6, 5, 2));
}

// Recurrent layers of every kind, each on the sequence that the one before it made.
function steps() {
  const more = { returnSequences: true };
  const model = tf.sequential({
    name: "steps",
    layers: [
      l.embedding({ inputDim: 12, outputDim: 5, inputLength: 6 }),
      l.bidirectional({ layer: l.lstm({ units: 3, ...more }), mergeMode: "concat" }),
      l.gru({ units: 4, ...more }),
      l.timeDistributed({ layer: l.dense({ units: 4, activation: "relu" }) }),
      l.bidirectional({ layer: l.gru({ units: 3, resetAfter: false, ...more }), mergeMode: "sum" }),
      l.simpleRNN({ units: 3, goBackwards: true, ...more }),
      l.rnn({ cell: [l.lstmCell({ units: 3 }), l.gruCell({ units: 2, resetAfter: false })] }),
    ],
  });
  model.setWeights(model.getWeights().map((w) => tf.mul(normal(...w.shape), 0.8)));
  return write(model, tf.tensor2d([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 5, 8]]));
}

// Layers of one dimension.
function lines() {
  const model = tf.sequential({
    name: "lines",
    layers: [
      l.conv1d({ inputShape: [10, 3], filters: 4, kernelSize: 3, padding: "same" }),
      l.layerNormalization(),
      l.maxPooling1d({ poolSize: 2 }),
      l.permute({ dims: [2, 1] }),
      l.globalMaxPooling1d(),
    ],
  });
  return write(model, normal(2, 10, 3));
}

(async () => {
  const models = { images, shared, trained, deeper, words, dilated, steps, lines };
  const wanted = process.argv.slice(2);
  for (const name of wanted.length ? wanted : Object.keys(models)) await models[name]();
})();
