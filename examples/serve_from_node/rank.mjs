// Ranks the documents of a query by what `plackett export` wrote: node rank.mjs MODEL.onnx < query.json
import { readFileSync } from "node:fs";
import { InferenceSession, Tensor } from "onnxruntime-node";

const path = process.argv[2];
const { features: names, missing } = JSON.parse(readFileSync(path.replace(/onnx$/, "json"))); // in their order
const { documents } = JSON.parse(readFileSync(0));
const rows = documents.map((document) => names.map((name) => document.features[name] ?? NaN)); // NaN = missing
if (!missing && rows.flat().some(Number.isNaN)) throw new Error("a document lacks a feature");
const shape = [1, documents.length]; // one list of so many documents
const session = await InferenceSession.create(path);
const { scores } = await session.run({
  features: new Tensor("float32", rows.flat(), [...shape, names.length]),
  mask: new Tensor("bool", rows.map(() => true), shape),
});
const ranking = documents.map(({ id }, i) => ({ id, score: scores.data[i] })).sort((a, b) => b.score - a.score);
console.log(JSON.stringify({ ranking }));
