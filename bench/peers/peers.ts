/**
 * The peers of `whole_models.ts`: whichever is installed runs the same work on the same weights.
 *
 * @module
 */
import { version_core as tfjsVersion } from "@tensorflow/tfjs-core";
import { type Measured, measureInProcess, type ModelRequest } from "../_process.ts";

/** Inference of ONNX graphs. */
export const ONNXRUNTIME_WEB = "npm:onnxruntime-web@1.30.0";
/** Arrays with gradients, compiled to WASM. */
const JAX_JS = "npm:@jax-js/jax@0.1.25";

/** Somebody else's engine. */
export interface Peer {
  name: string;
  /** What was found, or in words why nothing can be. */
  measure(request: PeerRequest): Promise<Measured | string>;
}

/** A request with the Python that has torch. */
export type PeerRequest = ModelRequest & { python: string };

/** Flags of a process that imports a peer's package, which no file of ours names. */
export const UNLOCKED: readonly string[] = [
  "--no-lock",
  "--node-modules-dir=none",
  "--cached-only",
];
const DENO_RUN: [string, ...string[]] = [Deno.execPath(), "run", "--quiet", "-A"];

function pathOf(file: string): string {
  return new URL(file, import.meta.url).pathname;
}

function versioned(name: string, specifier: string): string {
  return `${name} ${specifier.split("@").at(-1)}`;
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

/** PyTorch with transformers, eager, through the Python that is named. */
const pytorch: Peer = {
  name: "PyTorch, eager",
  async measure(request) {
    const { python, dtype } = request;
    if (dtype !== "f32") return "PyTorch is left out: it is measured in f32";
    if (!await succeeds(python, ["-c", "import torch, transformers"])) {
      return `PyTorch is not installed: ${python} finds no torch and transformers`;
    }
    return await measureInProcess<Measured>([python, pathOf("torch_step.py")], request);
  },
};

/**
 * onnxruntime-web on a model that PyTorch has exported; the graph serves all rows. In 8 bits, of products and
 * convolutions, as transformers.js has them, or of products alone.
 */
function onnxruntimeWeb(operators?: "all" | "MatMul"): Peer {
  const name = versioned("onnxruntime-web", ONNXRUNTIME_WEB);
  return {
    name: operators ? `${name}, int8 of ${operators}` : name,
    async measure(request) {
      const { python, original, scratch, dtype } = request;
      if (dtype !== (operators ? "q8" : "f32")) {
        return operators
          ? `onnxruntime-web in 8 bits (${operators}) is left out: --dtype q8`
          : "onnxruntime-web in 32 bits is left out: --dtype f32";
      }
      const missing = await whyMissing("onnxruntime-web", ONNXRUNTIME_WEB);
      if (missing) return missing;
      const graph = `${scratch}/${operators ?? "model"}.onnx`;
      const isThere = await Deno.stat(graph).then(() => true, () => false);
      const args = [pathOf("export_onnx.py"), original, graph, ...operators ? [operators] : []];
      if (!isThere && !await succeeds(python, args)) {
        return `onnxruntime-web has no model: ${python} export_onnx.py fails`;
      }
      return await measureInProcess<Measured>(
        [...DENO_RUN, ...UNLOCKED, pathOf("onnxruntime_web.ts"), ONNXRUNTIME_WEB, graph],
        request,
      );
    },
  };
}

/** What runs the job of `whole_job.ts` in PyTorch. */
export function jobCommand(python: string): [string, ...string[]] {
  return [python, pathOf("torch_job.py")];
}

/** A graph with all that can be in 8 bits, in a file; `undefined` where Python or its packages are not there. */
export async function quantizedGraph(
  graph: string,
  output: string,
  python: string,
): Promise<string | undefined> {
  const args = [pathOf("export_onnx.py"), graph, output, "all"];
  return await succeeds(python, args) ? output : undefined;
}

/** Whether a package is in Deno's cache, or how to get it there. */
export async function whyMissing(name: string, specifier: string): Promise<string | undefined> {
  if (await succeeds(Deno.execPath(), ["eval", ...UNLOCKED, `await import("${specifier}")`])) {
    return;
  }
  return `${name} is not installed: deno cache --no-lock --node-modules-dir=none ${specifier}`;
}

/** TensorFlow.js on the kernels of its own WASM backend, which has one thread and knows no other model. */
const stockTfjs: Peer = {
  name: `stock tfjs ${tfjsVersion}`,
  async measure(request) {
    if (request.dtype !== "f32") return "stock tfjs is left out: it has f32 only";
    const config = await Deno.readTextFile(`${request.directory}/config.json`);
    const { model_type: modelType } = JSON.parse(config) as { model_type: string };
    if (modelType !== "wav2vec2" || request.threads > 1) {
      return "stock tfjs is left out: it is written for Wav2Vec2 on one thread";
    }
    return await measureInProcess<Measured>([...DENO_RUN, pathOf("stock_tfjs.ts")], request);
  },
};

/** jax-js on WASM, which can train the layers. */
const jaxJs: Peer = {
  name: versioned("jax-js", JAX_JS),
  async measure(request) {
    if (request.part !== "blocks" || request.threads > 1) {
      return "jax-js is left out: it is written for --part blocks on one thread";
    }
    const missing = await whyMissing("jax-js", JAX_JS);
    if (missing) return missing;
    return await measureInProcess<Measured>(
      [...DENO_RUN, ...UNLOCKED, pathOf("jax_blocks.ts"), JAX_JS],
      request,
    );
  },
};

/** TensorFlow.js on its own WASM or WebGPU kernels, bundled so that its gradients can be loaded. */
const stockTfjsBlocks: Peer = {
  name: `stock tfjs ${tfjsVersion}`,
  async measure(request) {
    if (request.part !== "blocks" || request.threads > 1) {
      return "stock tfjs is left out: it is written for --part blocks on one thread";
    }
    const bundled = `${request.scratch}/stock_tfjs_blocks.js`;
    await bundleForDeno("stock_tfjs_blocks.ts", bundled);
    const binaries = new URL("./", import.meta.resolve("@tensorflow/tfjs-backend-wasm")).pathname;
    return await measureInProcess<Measured>([...DENO_RUN, bundled, binaries], request);
  },
};

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

/** The peers of each task, by the names that `--peer` takes. */
export const PEERS: Readonly<Record<ModelRequest["task"], Readonly<Record<string, Peer>>>> = {
  infer: {
    "onnxruntime-web": onnxruntimeWeb(),
    "onnxruntime-web-all": onnxruntimeWeb("all"),
    "onnxruntime-web-matmul": onnxruntimeWeb("MatMul"),
    "stock-tfjs": stockTfjs,
    "pytorch": pytorch,
  },
  train: { "pytorch": pytorch, "jax-js": jaxJs, "stock-tfjs": stockTfjsBlocks },
};
