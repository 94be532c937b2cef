import { deepEqual, equal } from "node:assert/strict";
import { kitLine, skippedCases, testCounts } from "./gate.ts";

const PRINTED = `running 9 tests from ./test/parity_test.ts
golden case ast agrees with the reference [wasm] ... ok (12ms)
golden case ast agrees with the reference [wasm, 2 threads] ... ignored (0ms)
golden case ast agrees with the reference [webgpu; skipped: no adapter] ... ignored (0ms)
golden case sew agrees with the reference [wasm] ... ignored (0ms)
golden case sew-d agrees with the reference [wasm] ... FAILED (12ms)
kit case ast agrees with the reference [wasm] ... ok (1s)
kit case ast agrees with the reference [wasm, 2 threads] ... ok (1s)
kit case sew agrees with the reference [wasm] ... ok (5ms)
kit case whisper agrees with the reference [webgpu; skipped: takes long] ... ignored (0ms)

FAILED | 4 passed (3 steps) | 1 failed | 4 ignored (2s)
`;

Deno.test("testCounts() reads the last line of deno test", () => {
  deepEqual(testCounts(PRINTED), { passed: 4, failed: 1 });
  deepEqual(testCounts(`${PRINTED}ok | 9 passed | 0 failed\n`), { passed: 9, failed: 0 });
  equal(testCounts("Checked 302 files\n"), undefined);
});

Deno.test("kitLine() counts each case once, and those that ran alone", () => {
  equal(kitLine(PRINTED), "kit: 2 run");
  equal(kitLine("golden case ast agrees with the reference [wasm] ... ok (1ms)\n"), "kit: absent");
});

Deno.test("skippedCases() names what did not run, or not on each WASM device", () => {
  const names = ["ast", "sew", "sew-d", "wavlm"];
  deepEqual(skippedCases(PRINTED, names), ["sew", "wavlm", "ast [wasm, 2 threads]"]);
  deepEqual(skippedCases(PRINTED, ["sew-d"]), ["ast [wasm, 2 threads]"]);
  deepEqual(skippedCases("", ["ast"]), ["ast"]);
});
