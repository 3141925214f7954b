// Run a graph model with TensorFlow.js itself, on its plain CPU backend:
//   node record_graphs.mjs FOLDER NAME SHAPE INPUT OUTPUT NODE...
// FOLDER has NAME.json and NAME.bin; INPUT is float32; each node's values go to OUTPUT.K.
import fs from 'fs';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { loadGraphModel } from '@tensorflow/tfjs-converter';

const floats = (path) => {
  const raw = fs.readFileSync(path);
  return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength));
};
const [, , folder, name, shape, input, output, ...nodes] = process.argv;
await tf.setBackend('cpu');
const graph = JSON.parse(fs.readFileSync(`${folder}/${name}.json`));
const raw = fs.readFileSync(`${folder}/${name}.bin`);
const weightData = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength);
const weightSpecs = graph.weightsManifest[0].weights;
const { modelTopology, signature } = graph;
const model = await loadGraphModel({
  load: async () => ({ modelTopology, signature, weightSpecs, weightData }),
});
const given = tf.tensor(floats(input), JSON.parse(shape));
const found = model.execute({ [model.inputs[0].name]: given }, nodes);
[found].flat().forEach((tensor, k) =>
  fs.writeFileSync(`${output}.${k}`, Buffer.from(tensor.dataSync().buffer)));
