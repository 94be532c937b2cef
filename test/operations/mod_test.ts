import { equal } from "node:assert/strict";
import { OPERATIONS } from "../../src/kernels.ts";

Deno.test("every operation stands under its own name", () => {
  for (const [key, { name }] of Object.entries(OPERATIONS)) equal(name, key);
});
