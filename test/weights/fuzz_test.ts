import assert from "node:assert/strict";
import { type Outcome, packedCase, safetensorsCase, torchCase } from "./fuzz.ts";

const CASES = 4000;

/** Runs the cases and requires that damaged files were both read and refused. */
async function runCases(runCase: (seed: number) => Promise<Outcome>): Promise<void> {
  const counts = { read: 0, refused: 0 };
  for (let seed = 1; seed <= CASES; seed++) counts[await runCase(seed)]++;
  const shown = JSON.stringify(counts);
  assert.ok(counts.read > CASES / 100 && counts.refused > CASES / 10, shown);
}

Deno.test("openSafetensors() reads or refuses every file by its rules, with typed errors", async () => {
  await runCases(safetensorsCase);
});

Deno.test("openTorchBin() reads or refuses every file by its rules, with typed errors", async () => {
  await runCases(torchCase);
});

Deno.test("openPacked() reads or refuses every file by its rules, with typed errors", async () => {
  await runCases(packedCase);
});
