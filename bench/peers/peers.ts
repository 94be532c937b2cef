/**
 * The peers of `infer.ts` and `train.ts`: whichever is installed runs the same work on the same weights.
 *
 * @module
 */
import { type Measured, measureInProcess, type RowRequest } from "../_rows.ts";
import { JAX_JS, ONNXRUNTIME_WEB } from "./_package.ts";

/** A peer's figures, with what was resident before it had a model where it says so, or what is not installed. */
export type PeerResult = Measured & { peer: string; startMb?: number } | { missing: string };

type Request = Omit<RowRequest, "spawnedAt">;

const UNLOCKED = ["--no-lock", "--node-modules-dir=none", "--cached-only"];

function pathOf(file: string): string {
  return new URL(file, import.meta.url).pathname;
}

async function succeeds(program: string, args: string[]): Promise<boolean> {
  try {
    const command = new Deno.Command(program, { args, stdout: "null", stderr: "null" });
    return (await command.output()).success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** PyTorch with transformers, through the Python that is named. */
export async function measureTorch(python: string, request: Request): Promise<PeerResult> {
  if (request.dtype !== "f32") return { missing: "PyTorch is left out: it is measured in f32" };
  if (!await succeeds(python, ["-c", "import torch, transformers"])) {
    return { missing: `PyTorch is not installed: ${python} finds no torch and transformers` };
  }
  return await measureInProcess([python, pathOf("torch_step.py")], request);
}

/** onnxruntime-web on a model that PyTorch has exported; the graph serves all rows. */
export async function measureOnnxruntimeWeb(python: string, request: Request): Promise<PeerResult> {
  if (request.dtype !== "f32") return { missing: "onnxruntime-web runs in 8 bits below" };
  return await measureGraph({ python, name: "model.onnx" }, request);
}

/** onnxruntime-web with weights in 8 bits: of products and convolutions, as transformers.js has them, or of products. */
export function measureOnnxruntimeWebInt8(
  operators: "all" | "MatMul",
): (python: string, request: Request) => Promise<PeerResult> {
  return async (python, request) => {
    if (request.dtype !== "q8") {
      return { missing: `onnxruntime-web in q8 (${operators}): --dtype q8` };
    }
    return await measureGraph({ python, name: `${operators}.onnx`, operators }, request);
  };
}

/** Whether a package is in Deno's cache, or how to get it there. */
async function whyMissing(name: string, specifier: string): Promise<string | undefined> {
  if (await succeeds(Deno.execPath(), ["eval", ...UNLOCKED, `await import("${specifier}")`])) {
    return;
  }
  return `${name} is not installed: deno cache --no-lock --node-modules-dir=none ${specifier}`;
}

/** Measures a graph, which is written when it is first asked for. */
async function measureGraph(
  { python, name, operators }: { python: string; name: string; operators?: string },
  request: Request,
): Promise<PeerResult> {
  const missing = await whyMissing("onnxruntime-web", ONNXRUNTIME_WEB);
  if (missing) return { missing };
  const { original, scratch } = request;
  const file = `${scratch}/${name}`;
  const isThere = await Deno.stat(file).then(() => true, () => false);
  const args = [pathOf("export_onnx.py"), original, file, ...operators ? [operators] : []];
  if (!isThere && !await succeeds(python, args)) {
    return { missing: `onnxruntime-web has no model: ${python} export_onnx.py fails` };
  }
  return await measureInProcess(
    [Deno.execPath(), "run", "-A", ...UNLOCKED, pathOf("onnxruntime_web.ts"), file],
    request,
  );
}

/** TensorFlow.js on the kernels of its own WASM backend, which has one thread and knows no other model. */
export async function measureStockTfjs(_python: string, request: Request): Promise<PeerResult> {
  if (request.dtype !== "f32") return { missing: "stock tfjs is left out: it has f32 only" };
  const config = await Deno.readTextFile(`${request.directory}/config.json`);
  const { model_type: modelType } = JSON.parse(config) as { model_type: string };
  if (modelType !== "wav2vec2" || request.threads > 1) {
    return { missing: "stock tfjs is left out: it is written for Wav2Vec2 on one thread" };
  }
  return await measureInProcess([Deno.execPath(), "run", "-A", pathOf("stock_tfjs.ts")], request);
}

/** jax-js on WASM, which can train the layers. */
export async function measureJaxJs(_python: string, request: Request): Promise<PeerResult> {
  if (request.part !== "blocks" || request.threads > 1) {
    return { missing: "jax-js is left out: it is written for --part blocks on one thread" };
  }
  const missing = await whyMissing("jax-js", JAX_JS);
  if (missing) return { missing };
  const file = pathOf("jax_blocks.ts");
  return await measureInProcess([Deno.execPath(), "run", "-A", ...UNLOCKED, file], request);
}

/** TensorFlow.js on its own WASM kernels, bundled so that its gradients can be loaded. */
export async function measureStockTfjsBlocks(
  _python: string,
  request: Request,
): Promise<PeerResult> {
  if (request.part !== "blocks" || request.threads > 1) {
    return { missing: "stock tfjs is left out: it is written for --part blocks on one thread" };
  }
  const bundled = `${request.scratch}/stock_tfjs_blocks.js`;
  await bundleForDeno("stock_tfjs_blocks.ts", bundled);
  const binaries = new URL("./", import.meta.resolve("@tensorflow/tfjs-backend-wasm")).pathname;
  return await measureInProcess([Deno.execPath(), "run", "-A", bundled, binaries], request);
}

/** One file of a script and its packages, with what those miss in a module. */
async function bundleForDeno(script: string, outfile: string): Promise<void> {
  const { build, stop } = await import("esbuild");
  const requireLine =
    'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);';
  try {
    await build({
      entryPoints: [pathOf(script)],
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      mainFields: ["module", "main"],
      banner: { js: `${requireLine} const __dirname = import.meta.dirname;` },
      logLevel: "warning",
    });
  } finally {
    await stop();
  }
}
