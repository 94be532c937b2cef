/**
 * The whole service as one file: the entry that `bundle` hands to esbuild.
 *
 * It loads the model from the folder `model` beside itself, wherever both were moved, on the first
 * request.
 *
 * @module
 */
import "./_tfjs_platform.ts";
import { loadClassifier } from "../src/classify/classifier.ts";
import { CheckpointError } from "../src/errors.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import type { FileReader } from "../src/weights/byte_source.ts";
import { openSafetensors } from "../src/weights/safetensors.ts";
import type { TensorSource } from "../src/weights/tensor_source.ts";
import { folderFiles } from "./_model_files.ts";
import { createApp } from "./mod.ts";

/** Kept short for isolates of 512 MB: 128 channels at 16 kHz take 5 MB a second. */
const MAX_SECONDS = 60;

/** `bundle` writes this form of weights and no other, so the readers of the others stay out. */
async function openWeights(files: FileReader): Promise<TensorSource> {
  const file = await files.open("model.safetensors");
  if (file) return await openSafetensors(file);
  throw new CheckpointError(
    'Cannot load weights: expected "model/model.safetensors", found nothing',
    { file: "model/model.safetensors" },
  );
}

const app = createApp(async () => {
  await startWasm();
  const files = folderFiles(new URL("./model/", import.meta.url));
  return await loadClassifier(files, openWeights, { maxSeconds: MAX_SECONDS });
});

/** For `deno serve`, and for every host that calls `fetch` of a default export. */
export default { fetch: app.fetch } satisfies Deno.ServeDefaultExport;
