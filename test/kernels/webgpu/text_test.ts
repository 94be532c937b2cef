import { ok } from "node:assert/strict";
import { forwardText, gradientText } from "../../../src/kernels/webgpu/_attention_text.ts";
import { gemmText } from "../../../src/kernels/webgpu/_gemm.ts";

/** What WebGPU guarantees; not every runtime refuses a program that takes more. */
const WORKGROUP_BYTES = 16_384;

/** Bytes of the workgroup arrays that a text declares. */
function workgroupBytes(text: string): number {
  const part = /alias Part = vec4<f32>/.test(text) ? 16 : 4;
  const bytes = { "f32": 4, "vec4<f32>": 16, Part: part } as Record<string, number>;
  const arrays = text.matchAll(/var<workgroup> \w+: array<([\w<>]+), (\d+)>/g);
  return [...arrays].reduce((sum, [, type, length]) => sum + bytes[type!]! * Number(length), 0);
}

Deno.test("the texts of attention keep to the guaranteed workgroup memory for every head", () => {
  for (const [width, parts] of [[1, 1], [1, 70], [1, 255], [4, 1], [4, 16], [4, 32], [4, 64]]) {
    const config = { width: width as 1 | 4, parts: parts!, bias: true, dropout: true };
    for (
      const text of [
        forwardText({ ...config, lengths: true }),
        gradientText({ ...config, roles: "dq dk dv" }),
      ]
    ) {
      const bytes = workgroupBytes(text);
      ok(bytes > 0 && bytes <= WORKGROUP_BYTES, `${parts} x ${width}: ${bytes} bytes`);
    }
  }
});

Deno.test("gemmText() keeps to the guaranteed workgroup memory for every tile", () => {
  for (const tile of ["tall", "large", "small"] as const) {
    const a = { run: "inner", element: "0.0" } as const;
    const bytes = workgroupBytes(gemmText(tile, { functions: "", a, b: a }));
    ok(bytes > 0 && bytes <= WORKGROUP_BYTES, `tile ${tile}: ${bytes} bytes`);
  }
});
