/**
 * `doctor`: what this machine can compute with, and which device a command would take.
 *
 * @module
 */
import { version_core as tfjsVersion } from "@tensorflow/tfjs-core";
import earshot from "../../deno.json" with { type: "json" };
import { useDevice } from "../devices.ts";
import { hasRelaxedSimd, hasSimd, startWasm } from "../kernels/wasm/mod.ts";
import { type AdapterDescription, describeAdapter } from "../kernels/webgpu/mod.ts";
import { type Command, defineCommand, expectNoFiles } from "./_command.ts";
import type { Output } from "./_output.ts";
import { countWebgpuStep, type WebgpuStep } from "./_webgpu_step.ts";

/** `doctor` on the command line. */
export const command: Command = defineCommand({
  usage: "doctor",
  options: {},
  examples: ["doctor", "doctor --json"],
  run: async ({ files }, out) => {
    expectNoFiles(files);
    const report = await examine();
    print(report, out);
    out.event(report);
    return 0;
  },
});

/** What `doctor` prints with `--json`. */
interface DoctorReport {
  versions: { earshot: string; deno: string; v8: string; typescript: string; tfjs: string };
  system: string;
  cores: number;
  wasm: {
    simd: boolean;
    relaxedSimd: boolean;
    sharedMemory: boolean;
    /** Threads that started. */
    threads: number;
    description: string;
  };
  /** `null` where there is no adapter. */
  webgpu: AdapterDescription | null;
  /** What a training step of `tiny` asks of it; `null` where there is none, or it failed. */
  webgpuStep: WebgpuStep | null;
  /** Why it failed; `null` where it did not. */
  webgpuFailure: string | null;
  /** What a command takes when none is asked for. */
  devices: { training: string; inference: string };
}

async function examine(): Promise<DoctorReport> {
  const { build, version } = Deno;
  // First, because it sets up what the graphics libraries complain of where it is missing.
  const devices = { training: await picked("training"), inference: await picked("inference") };
  const wasm = await startWasm({ threads: 0 });
  const { threads, description } = wasm;
  wasm.dispose();
  return {
    versions: {
      earshot: earshot.version,
      deno: version.deno,
      v8: version.v8,
      typescript: version.typescript,
      tfjs: tfjsVersion,
    },
    system: `${build.os} ${build.arch}`,
    cores: navigator.hardwareConcurrency,
    wasm: {
      simd: hasSimd(),
      relaxedSimd: hasRelaxedSimd(),
      sharedMemory: typeof SharedArrayBuffer !== "undefined",
      threads,
      description,
    },
    webgpu: await describeAdapter() ?? null,
    ...await countWebgpuStep().then(
      (step) => ({ webgpuStep: step ?? null, webgpuFailure: null }),
      (error: Error) => ({ webgpuStep: null, webgpuFailure: error.message }),
    ),
    devices,
  };
}

async function picked(purpose: "training" | "inference"): Promise<string> {
  const device = await useDevice({ purpose });
  device.dispose();
  return device.description;
}

function print(report: DoctorReport, out: Output): void {
  const { versions, system, cores, wasm, webgpu, devices } = report;
  const yes = (value: boolean) => value ? "yes" : "no";
  const heading = (text: string) => out.line(out.strong(text));
  heading("Versions");
  for (const [name, version] of Object.entries(versions)) {
    out.line(`  ${name.padEnd(12)} ${version}`);
  }
  out.line(`  ${"system".padEnd(12)} ${system}, ${cores} cores`);
  heading("WASM");
  out.line(`  SIMD ${yes(wasm.simd)}, relaxed SIMD ${yes(wasm.relaxedSimd)}`);
  out.line(`  shared memory ${yes(wasm.sharedMemory)}, threads ${wasm.threads}`);
  heading("WebGPU");
  out.line(`  ${webgpu?.description ?? "no adapter"}`);
  if (webgpu) {
    out.line(`  features: ${webgpu.features.join(", ") || "none"}`);
    for (const name of SHOWN_LIMITS) out.line(`  ${name} ${webgpu.limits[name]}`);
  }
  if (report.webgpuStep) out.line(`  ${stepLine(report.webgpuStep)}`);
  if (report.webgpuFailure) out.line(`  a training step failed: ${report.webgpuFailure}`);
  heading("Devices taken when none is named");
  out.line(`  train    ${devices.training}`);
  out.line(`  predict  ${devices.inference}`);
}

function stepLine({ runs, runsPerLayer, submissions, reads }: WebgpuStep): string {
  return `a training step of tiny: ${runs} runs, ${runsPerLayer} a layer forward and backward, ` +
    `${submissions} submissions, ${reads} reads`;
}

/** Those that decide how large a model or a batch may be; `--json` has all. */
const SHOWN_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
] as const;
