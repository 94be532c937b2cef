import { throws } from "node:assert/strict";
import { tensor1d, tensor2d } from "@tensorflow/tfjs-core";
import { crossEntropy } from "../../../src/kernels.ts";
import { startWasm } from "../../../src/kernels/wasm/mod.ts";

for (const wrong of [-1, 3, 2 ** 31 - 1]) {
  Deno.test(`crossEntropy() rejects the label ${wrong} of 3 classes`, async () => {
    const device = await startWasm();
    const logits = tensor2d([0, 1, 2, 3, 4, 5], [2, 3]);
    const labels = tensor1d([0, wrong], "int32");
    throws(() => crossEntropy(logits, labels), {
      name: "RangeError",
      message: `Cannot compute crossEntropy: expected labels from 0 to 2, found ${wrong}`,
    });
    device.dispose();
  });
}
