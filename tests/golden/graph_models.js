// Runs graph-models by TensorFlow.js: `npm install @tensorflow/tfjs@4.22.0 && node graph_models.js FOLDER...`.
// Each folder has model.json with its shards and inputs.json; outputs.json and the arrays beside it are written.
const fs = require("fs");
const path = require("path");
const tf = require("@tensorflow/tfjs");
console.warn = () => {};

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array };

function handler(folder) {
  const load = async () => {
    const content = JSON.parse(fs.readFileSync(path.join(folder, "model.json")));
    const weightSpecs = content.weightsManifest.flatMap((group) => group.weights);
    const shards = content.weightsManifest.flatMap((group) => group.paths.map((p) => fs.readFileSync(path.join(folder, p))));
    return { ...content, weightSpecs, weightData: new Uint8Array(Buffer.concat(shards)).buffer };
  };
  return { load };
}

async function answer(folder) {
  const model = await tf.loadGraphModel(handler(folder));
  const feeds = {};
  for (const { name, shape, dtype, file } of JSON.parse(fs.readFileSync(path.join(folder, "inputs.json")))) {
    const bytes = new Uint8Array(fs.readFileSync(path.join(folder, file)));
    feeds[name] = tf.tensor(new ARRAYS[dtype](bytes.buffer), shape, dtype);
  }
  const outputs = model.outputNodes;
  let made = await model.executeAsync(feeds, outputs);
  made = Array.isArray(made) ? made : [made];
  const told = made.map((tensor, k) => {
    const values = ARRAYS[tensor.dtype].from(tensor.dataSync());
    fs.writeFileSync(path.join(folder, `y${k}.bin`), Buffer.from(values.buffer));
    return { shape: tensor.shape, dtype: tensor.dtype, file: `y${k}.bin` };
  });
  fs.writeFileSync(path.join(folder, "outputs.json"), JSON.stringify(told));
}

(async () => {
  await tf.setBackend("cpu");
  for (const folder of process.argv.slice(2)) {
    try {
      await answer(folder);
    } catch (error) {
      console.log(folder, String(error.stack).slice(0, 600));
    }
  }
})();
