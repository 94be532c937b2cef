/**
 * Every golden case through the public code, on every device: the small ones beside this file, and those of the
 * reference kit where it lies.
 *
 * On a software WebGPU driver the kit's cases take minutes, so three of them stand for the others there;
 * `PARITY_ALL=1` runs all.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type ParityResult, runParityCase } from "../src/commands/parity.ts";
import { deviceTest, startTestWasm } from "./devices.ts";
import { exists, kitPath } from "./kit.ts";

const GOLDEN = join(import.meta.dirname!, "golden");

/** Between them: both front ends, both orders of norms, masks, a weighted sum and attention adapters. */
const KIT_ON_WEBGPU = ["wav2vec2-group", "wav2vec2-weighted-layer", "wav2vec2-adapter-attn"];

function casesIn(directory: string): string[] {
  if (!exists(directory)) return [];
  const names = Array.from(Deno.readDirSync(directory), ({ name }) => name);
  return names.filter((name) => name.startsWith("wav2vec2-")).sort();
}

function expectParity({ ok, ...differences }: ParityResult): void {
  assert.ok(ok, `outside its limits: ${JSON.stringify(differences)}`);
}

Deno.test("test/golden holds both front ends", () => {
  assert.deepEqual(casesIn(GOLDEN), ["wav2vec2-group", "wav2vec2-layer-weighted-adapter"]);
});

for (const name of casesIn(GOLDEN)) {
  deviceTest(`golden case ${name} agrees with the reference`, async (device) => {
    expectParity(await runParityCase(join(GOLDEN, name), device.name));
  });
}

deviceTest("the kit's wav2vec2 cases agree with the reference", async (device, t) => {
  const all = device.name !== "webgpu" || Deno.env.get("PARITY_ALL") === "1";
  for (const name of all ? casesIn(kitPath()) : KIT_ON_WEBGPU) {
    await t.step(name, async () => expectParity(await runParityCase(kitPath(name), device.name)));
  }
}, { needsKit: true });

/** A copy of a case with one number of one tensor changed. */
async function spoiledCase(name: string, key: string): Promise<string> {
  const directory = await Deno.makeTempDir();
  for (const { name: file } of Deno.readDirSync(join(GOLDEN, name))) {
    await Deno.copyFile(join(GOLDEN, name, file), join(directory, file));
  }
  const weights = join(directory, "model.safetensors");
  const bytes = await Deno.readFile(weights);
  const view = new DataView(bytes.buffer);
  const headerBytes = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)));
  const at = 8 + headerBytes + header[key].data_offsets[0];
  view.setFloat32(at, view.getFloat32(at, true) + 0.05, true);
  await Deno.writeFile(weights, bytes);
  return directory;
}

Deno.test("runParityCase() fails when one weight is a little off", async () => {
  const device = await startTestWasm({ threads: 1 });
  for (const key of ["classifier.bias", "wav2vec2.feature_projection.layer_norm.weight"]) {
    const directory = await spoiledCase("wav2vec2-group", key);
    try {
      assert.equal((await runParityCase(directory, "wasm")).ok, false, key);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  }
  device.dispose();
});
