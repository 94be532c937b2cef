import { equal, match, ok } from "node:assert/strict";
import { cliOk, jsonLines } from "./_command_line.ts";

interface DoctorLine {
  versions: Record<string, string>;
  cores: number;
  wasm: { simd: boolean; relaxedSimd: boolean; threads: number };
  webgpu: { limits: Record<string, number> } | null;
  webgpuStep: { runs: number; runsPerLayer: number; reads: number } | null;
  webgpuFailure: string | null;
  devices: { training: string; inference: string };
}

Deno.test("doctor tells devices, limits, SIMD, threads and versions", async () => {
  const [report] = jsonLines<DoctorLine>(await cliOk(["doctor", "--json"]));
  const { versions, cores, wasm, webgpu, webgpuStep, webgpuFailure, devices } = report!;
  equal(versions.deno, Deno.version.deno);
  match(versions.earshot!, /^\d+\.\d+\.\d+/);
  equal(cores, navigator.hardwareConcurrency);
  ok(wasm.simd && wasm.threads >= 1);
  if (webgpu) ok(webgpu.limits.maxBufferSize! > 0);
  equal(webgpuFailure, null);
  equal(webgpuStep !== null, webgpu !== null);
  if (webgpuStep) {
    const { runs, runsPerLayer, reads } = webgpuStep;
    ok(runsPerLayer > 0 && runsPerLayer <= 25, `${runsPerLayer} runs a layer`);
    ok(runs > runsPerLayer && reads === 0);
  }
  ok(devices.training.length > 0);
  match(devices.inference, /^WASM, 1 thread/);
});

Deno.test("doctor prints the same for people", async () => {
  const { stdout } = await cliOk(["doctor"]);
  match(stdout, /^ {2}SIMD yes, relaxed SIMD (yes|no)$/m);
  match(stdout, /^ {2}shared memory (yes|no), threads \d+$/m);
  match(stdout, /^WebGPU\n {2}\S/m);
});
