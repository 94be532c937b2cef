/**
 * Every program that a device here compiles also passes Chromium's compiler, which refuses more.
 *
 * Pipelines are not made: its software adapter takes seconds for each.
 *
 * @module
 */
import { deepEqual, ok } from "node:assert/strict";
import { ones } from "@tensorflow/tfjs-core";
import { startWebgpu } from "../../../src/kernels/webgpu/mod.ts";
import { attention } from "../../../src/kernels.ts";
import { Noise } from "../../../src/layers/noise.ts";
import { buildModel } from "../../../src/models/mod.ts";
import { PRESETS } from "../../../src/train/options/presets.ts";
import { disposeGradients, lossAndGradients } from "../../../src/train/step/step.ts";
import { trainSmallModel } from "../_small_model.ts";
import { NO_WEBGPU } from "../../devices.ts";
import { BROWSER, NO_BROWSER } from "../../chromium.ts";

/** What a browser makes of all programs. */
interface Verdict {
  adapter: string;
  compiled: number;
  /** Programs that need what the adapter lacks. */
  left: number;
  faults: string[];
}

const FLAGS = [
  "--headless=new",
  "--no-sandbox",
  "--no-first-run",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--enable-features=Vulkan",
];
/** For a browser that hangs; no answer takes so long on any machine. */
const PATIENCE_MS = 600_000;

/** Runs in the browser: compiles everything and sends what happened. */
const PAGE = `<script type="module">
  const shaders = await (await fetch("/shaders")).json();
  const send = (verdict) => fetch("/verdict", { method: "POST", body: JSON.stringify(verdict) });
  const adapter = await navigator.gpu?.requestAdapter();
  if (!adapter) await send({ adapter: "none", compiled: 0, left: 0, faults: ["no adapter"] });
  const requiredLimits = {};
  for (const name in adapter.limits) {
    if (name.startsWith("max")) requiredLimits[name] = adapter.limits[name];
  }
  const hasF16 = adapter.features.has("shader-f16");
  const requiredFeatures = hasF16 ? ["shader-f16"] : [];
  const device = await adapter.requestDevice({ requiredLimits, requiredFeatures });
  const verdict = { adapter: adapter.info.architecture, compiled: 0, left: 0, faults: [] };
  for (const code of shaders) {
    if (code.includes("enable f16") && !hasF16) {
      verdict.left++;
      continue;
    }
    device.pushErrorScope("validation");
    const { messages } = await device.createShaderModule({ code }).getCompilationInfo();
    const error = await device.popErrorScope();
    if (error) verdict.faults.push(messages[0]?.message + " in " + code.slice(0, 300));
    else verdict.compiled++;
  }
  await send(verdict);
</script>`;

/** Everything that is compiled while every operation and a whole model run, with and without f16. */
async function collectShaders(): Promise<string[]> {
  const { createShaderModule } = GPUDevice.prototype;
  const codes = new Set<string>();
  GPUDevice.prototype.createShaderModule = function (descriptor) {
    codes.add(descriptor.code);
    return createShaderModule.call(this, descriptor);
  };
  try {
    for (const f16 of [false, true]) {
      const device = await startWebgpu({ software: true, f16 });
      await runEverything();
      device?.dispose();
    }
  } finally {
    GPUDevice.prototype.createShaderModule = createShaderModule;
  }
  return [...codes];
}

async function runEverything(): Promise<void> {
  await trainSmallModel(1);
  const rates = { hidden_dropout: 0.1, attention_dropout: 0.1, activation_dropout: 0.1 };
  const model = await buildModel({ ...PRESETS.tiny.config, ...rates }, { labels: ["a", "b"] });
  const inputs = new Float32Array(1600).fill(0.5);
  const clips = { inputs, shape: [1, 1600], labels: Int32Array.of(1) };
  const step = lossAndGradients(model, [clips], { noise: new Noise(1) });
  await step.loss.data();
  disposeGradients(step);
  const prepared = await model.prepare();
  await prepared.logits({ inputValues: inputs, shape: [1, 1600] });
  prepared.dispose();
  model.dispose();
  const x = ones([1, 3, 1024]);
  const context = attention(x, x, x, { heads: 4 });
  await context.data();
}

/** Serves the programs to a browser on this machine and waits for its verdict. */
async function compileInBrowser(browser: string, shaders: string[]): Promise<Verdict> {
  const answered = Promise.withResolvers<Verdict>();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/shaders") return Response.json(shaders);
      if (pathname === "/verdict") answered.resolve(await request.json());
      return new Response(PAGE, { headers: { "content-type": "text/html" } });
    },
  );
  const profile = await Deno.makeTempDir({ prefix: "earshot-browser-" });
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const args = [...FLAGS, `--user-data-dir=${profile}`, url];
  const child = new Deno.Command(browser, { args, stdout: "null", stderr: "null" }).spawn();
  const giveUp = () => answered.reject(new RangeError(`Cannot use "${browser}": no answer`));
  const tooLong = setTimeout(giveUp, PATIENCE_MS);
  child.status.then(giveUp);
  try {
    return await answered.promise;
  } finally {
    clearTimeout(tooLong);
    child.kill("SIGTERM");
    await child.status;
    await server.shutdown();
    await Deno.remove(profile, { recursive: true }).catch(() => {});
  }
}

const MISSING = NO_WEBGPU ?? NO_BROWSER;

Deno.test({
  name: `every program compiles in Chromium${MISSING ? ` [skipped: ${MISSING}]` : ""}`,
  ignore: MISSING !== undefined,
  fn: async () => {
    const shaders = await collectShaders();
    const refused = "fn start() { nonsense }";
    const { faults, compiled, left } = await compileInBrowser(BROWSER ?? "chromium", [
      refused,
      ...shaders,
    ]);
    deepEqual(faults.slice(1), []);
    ok(faults.length === 1 && compiled > 60, `${compiled} compiled, ${left} left out`);
    console.log(
      `${compiled} programs compiled in Chromium, ${left} left out for want of shader-f16`,
    );
  },
});
