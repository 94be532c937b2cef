import { deepEqual, throws } from "node:assert/strict";
import { evaluate, OPERATORS, parseTflite } from "../../models/make_backbone/tflite.ts";
import { near } from "./near.ts";

Deno.test("parseTflite() rejects what is no model", () => {
  const bytes = new TextEncoder().encode("RIFF....WAVE");
  throws(() => parseTflite(bytes, "a.wav"), {
    name: "SyntaxError",
    message: 'Cannot read "a.wav": expected a model of TensorFlow Lite, found none',
  });
});

Deno.test("evaluate() gives the results that are asked for, in the graph's order", () => {
  const step = (code: number, inputs: number[], output: number) => (
    { code, inputs, output, options: undefined }
  );
  const model = {
    tensors: [{ shape: [] }, { shape: [4, 2], values: Float32Array.of(0, 0, 0, 0, 1, 1, 0, 0) }],
    operators: [
      step(OPERATORS.pad, [0, 1], 2),
      step(OPERATORS.mean, [2], 3),
      step(OPERATORS.logistic, [3], 4),
    ],
  };
  const [mean, logistic] = evaluate(
    model,
    { shape: [1, 2, 2, 1], values: Float32Array.of(1, 2, 3, 2) },
    { from: 0, keep: [OPERATORS.mean, OPERATORS.logistic] },
  );
  // Eight places, four of them zeros beside the width.
  deepEqual(mean!.shape, [1, 1, 1, 1]);
  near(mean!.values[0]!, 1);
  near(logistic!.values[0]!, 1 / (1 + Math.exp(-1)));
});
