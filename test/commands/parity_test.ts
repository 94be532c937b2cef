import { deepEqual, equal, match, ok } from "node:assert/strict";
import { basename, join } from "node:path";
import { LIMITS } from "../../src/commands/_parity_case.ts";
import type { ParityResult } from "../../src/commands/parity.ts";
import { encodeSafetensors } from "../../src/weights/safetensors_writer.ts";
import { readTensors } from "../kit.ts";
import { cli, cliOk, jsonLines, withFolder } from "./_command_line.ts";

type ParityLine = ParityResult & { error?: string };

const GOLDEN = join(import.meta.dirname!, "..", "golden");
const GROUP = join(GOLDEN, "wav2vec2-group");
const WEIGHTED = join(GOLDEN, "wav2vec2-layer-weighted-adapter");
const PARITY = ["parity", "--backend", "wasm", "--threads", "1"];
const MEASURES = ["logits", "hidden", "loss", "grad", "steps"] as const;

/** Copies a case, with one number of one expected tensor moved. */
async function movedCase(directory: string, tensor: string, by: number): Promise<void> {
  await Deno.mkdir(directory);
  for await (const { name } of Deno.readDir(GROUP)) {
    await Deno.copyFile(`${GROUP}/${name}`, `${directory}/${name}`);
  }
  const tensors = await readTensors(`${GROUP}/expected.safetensors`);
  ok(tensors.has(tensor), tensor);
  const moved = Array.from(tensors, ([name, { shape, values }]) => {
    const copy = Float32Array.from(values);
    if (name === tensor) copy[0]! += by;
    return { name, dtype: "F32", shape, values: copy } as const;
  });
  await Deno.writeFile(`${directory}/expected.safetensors`, encodeSafetensors(moved));
}

Deno.test("parity prints a line a case in order, within the limits", async () => {
  const lines = jsonLines<ParityLine>(await cliOk([...PARITY, WEIGHTED, `${GROUP}/`, GROUP]));
  deepEqual(lines.map((line) => line.case), [WEIGHTED, GROUP, GROUP].map((dir) => basename(dir)));
  for (const line of lines) {
    deepEqual(Object.keys(line), ["case", "backend", ...MEASURES, "ok"]);
    equal(line.backend, "wasm");
    ok(line.ok);
    ok(line.logits > 0 && line.logits <= LIMITS.logits);
  }
});

Deno.test("parity ends with 1 when one number of a case is outside its limit", async () => {
  const moved: [tensor: string, by: number, measure: (typeof MEASURES)[number]][] = [
    ["logits", 2 * LIMITS.logits, "logits"],
    ["single.logits", 2 * LIMITS.logits, "logits"],
    ["pooled", 2 * LIMITS.logits, "logits"],
    ["hidden_states.1", 2 * LIMITS.hidden, "hidden"],
    ["conv_features", 2 * LIMITS.hidden, "hidden"],
    ["loss", 2 * LIMITS.loss, "loss"],
    ["grad.classifier.bias", 0.01, "grad"],
    ["step3.loss.2", 0.01, "steps"],
    ["step3.logits", 0.1, "steps"],
  ];
  await withFolder(async (folder) => {
    for (const [tensor, by] of moved) await movedCase(`${folder}/${tensor}`, tensor, by);
    const result = await cli([...PARITY, GROUP, ...moved.map(([tensor]) => `${folder}/${tensor}`)]);
    equal(result.code, 1);
    const [good, ...lines] = jsonLines<ParityLine>(result);
    ok(good!.ok);
    for (const [i, [tensor, , measure]] of moved.entries()) {
      equal(lines[i]!.ok, false, `${tensor} may be anything`);
      for (const name of MEASURES) {
        equal(lines[i]![name] > 2 * good![name] + 1e-9, name === measure, `${tensor}: ${name}`);
      }
    }
  });
});

Deno.test("parity names a case that cannot be read, and goes on with the next", async () => {
  const result = await cli([...PARITY, "none/such", GROUP]);
  equal(result.code, 1);
  const [broken, good] = jsonLines<ParityLine>(result);
  equal(broken!.case, "such");
  equal(broken!.ok, false);
  deepEqual(MEASURES.map((name) => broken![name]), MEASURES.map(() => null));
  match(broken!.error!, /^Cannot read "none\/such\/meta\.json": expected a file, found nothing$/);
  equal(good!.ok, true);
});

Deno.test("parity without a directory ends with 2", async () => {
  const { code, stderr } = await cli(["parity"]);
  equal(code, 2);
  match(stderr, /^Cannot compare: expected case directories, found none$/m);
});
