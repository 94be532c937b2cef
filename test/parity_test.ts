/**
 * Every golden case through the public code, on every device: the small ones beside this file, and those of the
 * reference kit where it lies.
 *
 * The gate counts the cases by the names of these tests: `test/gate.ts`. On a software WebGPU driver the kit's cases
 * take minutes, so a few of them stand for the others there; `PARITY_ALL=1` runs all.
 *
 * @module
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { runParityCase } from "../src/commands/parity.ts";
import { deviceTest, startTestWasm } from "./devices.ts";
import { GOLDEN_DIR, goldenCases, kitCases } from "./golden_cases.ts";
import { kitPath, kitTest, readJson } from "./kit.ts";

/** Larger than our own cases, on a device that our own cover: both front ends and orders of norms, and masks. */
const KIT_ON_WEBGPU = ["wav2vec2-group", "wav2vec2-weighted-layer", "wav2vec2-adapter-attn"];

async function expectParity(directory: string, device: string): Promise<void> {
  const { ok, ...differences } = await runParityCase(directory, device);
  assert.ok(ok, `outside its limits: ${JSON.stringify(differences)}`);
}

/** The names of the cases that the script beside them makes. */
async function scriptCases(): Promise<string[]> {
  const script = await Deno.readTextFile(join(GOLDEN_DIR, "cases.py"));
  const [, table] = script.match(/^CASES = \{\n([^]*?)^\}$/m)!;
  return Array.from(table!.matchAll(/^ {4}"(\S+)": \{$/gm), ([, name]) => name!).sort();
}

Deno.test("test/golden holds what its script makes, 6 MB at most", async () => {
  assert.deepEqual(goldenCases(), await scriptCases());
  let bytes = 0;
  for (const name of goldenCases()) {
    for (const file of Deno.readDirSync(join(GOLDEN_DIR, name))) {
      bytes += Deno.statSync(join(GOLDEN_DIR, name, file.name)).size;
    }
  }
  assert.ok(bytes > 0 && bytes < 6e6, `${bytes} bytes`);
});

Deno.test("test/golden has a case of every architecture", async () => {
  const defaults = await readJson<Record<string, unknown>>(join(GOLDEN_DIR, "defaults.json"));
  const configs = await Promise.all(
    goldenCases().map((name) => {
      return readJson<{ model_type: string }>(join(GOLDEN_DIR, name, "config.json"));
    }),
  );
  const found = new Set(configs.map((config) => config.model_type));
  assert.deepEqual([...found].sort(), Object.keys(defaults));
  assert.equal(found.size, 14);
});

for (const name of goldenCases()) {
  deviceTest(`golden case ${name} agrees with the reference`, async (device) => {
    await expectParity(join(GOLDEN_DIR, name), device.name);
  });
}

for (const name of kitCases()) {
  const isRun = KIT_ON_WEBGPU.includes(name) || Deno.env.get("PARITY_ALL") === "1";
  const notOnWebgpu = isRun ? undefined : "takes long, PARITY_ALL=1 runs it";
  deviceTest(`kit case ${name} agrees with the reference`, async (device) => {
    await expectParity(kitPath(name), device.name);
  }, { notOnWebgpu });
}

kitTest("the kit holds 36 cases of models", () => {
  assert.equal(kitCases().length, 36);
});

/** A copy of a case with one number of one tensor changed. */
async function spoiledCase(name: string, key: string): Promise<string> {
  const directory = await Deno.makeTempDir();
  for (const { name: file } of Deno.readDirSync(join(GOLDEN_DIR, name))) {
    await Deno.copyFile(join(GOLDEN_DIR, name, file), join(directory, file));
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
