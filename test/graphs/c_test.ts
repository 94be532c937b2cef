import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { join } from "node:path";
import { UnsupportedOpError } from "../../src/errors.ts";
import { exportC } from "../../src/export/mod.ts";
import { ASTFeatureExtractor } from "../../src/features/mod.ts";
import { cProgram } from "../../src/graphs/mod.ts";
import { startWasm } from "../../src/kernels/wasm/mod.ts";
import { type AudioClassificationModel, buildModel } from "../../src/models/mod.ts";
import { savePretrained } from "../../src/pretrained.ts";
import { Random } from "../../src/random.ts";
import { presetOf } from "../../src/train/options/presets.ts";
import { TINY_ARCHITECTURES } from "../tiny_architectures.ts";

const MAIN = new URL("main.c", import.meta.url).pathname;
const FLAGS = ["-std=c99", "-pedantic", "-O1", "-Wall", "-Wextra", "-Werror"];
const SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

async function run(program: string, args: string[], input = new ArrayBuffer()): Promise<string> {
  const child = new Deno.Command(program, {
    args,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  })
    .spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new Uint8Array(input));
  await writer.close();
  const { success, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  ok(success, text.decode(stderr));
  return text.decode(stdout);
}

async function hasCompiler(): Promise<boolean> {
  if (Deno.env.get("CI")) return true;
  try {
    await run("gcc", ["--version"]);
    return true;
  } catch {
    return false;
  }
}

const COMPILES = await hasCompiler();

function compilerTest(name: string, fn: () => Promise<void>): void {
  const shown = COMPILES ? name : `${name} [skipped: no gcc]`;
  Deno.test({ name: shown, ignore: !COMPILES, fn });
}

/** The preset of 100,000 parameters with weights of some size, and its extractor. */
async function wakeWordModel(
  more: Record<string, unknown> = {},
): Promise<{ model: AudioClassificationModel; extractor: ASTFeatureExtractor }> {
  const { config, preprocessor } = presetOf("wake-word");
  const id2label = { 0: 'say "yes"', 1: "né?", 2: "no\\" };
  const model = await buildModel({ ...config, id2label, initializer_range: 0.3, ...more });
  return { model, extractor: ASTFeatureExtractor.fromConfig(preprocessor) };
}

/** Exports a model and compiles the result; the path of the program. */
async function compiled(
  { model, extractor }: Awaited<ReturnType<typeof wakeWordModel>>,
): Promise<{ program: string; directory: string; memoryBytes: number }> {
  const directory = await Deno.makeTempDir();
  await savePretrained(join(directory, "model"), model, extractor);
  const output = join(directory, "c");
  const { files, memoryBytes } = await exportC({ model: join(directory, "model"), output });
  deepEqual(files, ["earshot_model.h", "earshot_model.c"]);
  const program = join(directory, "program");
  const sources = [MAIN, join(output, "earshot_model.c")];
  await run("gcc", [...FLAGS, ...SANITIZERS, `-I${output}`, "-o", program, ...sources, "-lm"]);
  return { program, directory: output, memoryBytes };
}

/** Loud beginnings, silent ends, and noise. */
function clip(samples: number): Float32Array {
  const random = new Random(samples);
  return Float32Array.from(
    { length: samples },
    (_, i) => 0.4 * Math.exp(-i / 4_000) * Math.sin(i * i * 1e-5) + 0.01 * random.normal(),
  );
}

compilerTest("exportC() gives the logits and scores of the model, in little memory", async () => {
  const device = await startWasm();
  const built = await wakeWordModel();
  const { program, memoryBytes } = await compiled(built);
  const { model, extractor } = built;
  ok(memoryBytes <= 256 * 1024, `${memoryBytes} bytes`);
  for (const samples of [400, 8_001, extractor.fixedSamples, extractor.fixedSamples + 3_000]) {
    const values = clip(samples);
    const printed = await run(program, [], values.buffer as ArrayBuffer);
    const [memory, ...rows] = printed.trim().split("\n");
    equal(Number(memory), memoryBytes);
    const [logits] = await model.logits(extractor.extract([values]));
    const exponents = Array.from(logits!, Math.exp);
    const sum = exponents.reduce((a, b) => a + b, 0);
    equal(rows.length, model.labels.length);
    for (const [i, row] of rows.entries()) {
      const [logit, score, ...label] = row.split(" ");
      ok(Math.abs(Number(logit) - logits![i]!) <= 1e-4, `${samples} samples: ${row}`);
      ok(Math.abs(Number(score) - exponents[i]! / sum) <= 1e-4, `${samples} samples: ${row}`);
      equal(label.join(" "), model.labels[i]);
    }
  }
  model.dispose();
  device.dispose();
});

compilerTest("exportC() calls nothing but functions of math.h", async () => {
  const device = await startWasm();
  const built = await wakeWordModel({ hidden_act: "silu" });
  const { directory } = await compiled(built);
  const object = join(directory, "model.o");
  await run("gcc", [...FLAGS, "-c", "-o", object, join(directory, "earshot_model.c")]);
  const symbols = (await run("nm", ["-u", object])).split("\n").map((line) => line.trim().slice(2));
  deepEqual(symbols.filter(Boolean).sort(), ["expf", "log", "sqrtf"]);
  built.model.dispose();
  device.dispose();
});

Deno.test("cProgram() refuses what is too large, or no spectrogram's model", async () => {
  const device = await startWasm();
  const { model, extractor: { steps } } = await wakeWordModel();
  await rejects(
    () => cProgram(model, { steps, samplingRate: 16_000, maxBytes: 40_000 }),
    (error: Error) =>
      error instanceof UnsupportedOpError && /at most 40000 bytes/.test(error.message),
  );
  model.dispose();
  const whisper = await buildModel(TINY_ARCHITECTURES["whisper"]!.config);
  const { clip: shape } = TINY_ARCHITECTURES["whisper"]!;
  await rejects(
    () =>
      cProgram(whisper, {
        steps: { ...steps, shape: [shape[0]!, shape[1]!] },
        samplingRate: 16_000,
      }),
    (error: Error) => error instanceof UnsupportedOpError && /found conv1d/.test(error.message),
  );
  whisper.dispose();
  device.dispose();
});

Deno.test("exportC() refuses a model of waveforms in one line", async () => {
  const device = await startWasm();
  const output = `${await Deno.makeTempDir()}/c`;
  await rejects(
    () => exportC({ model: "models/voice_menu", output }),
    (error: Error) =>
      /expected a model with ASTFeatureExtractor, found Wav2Vec2/.test(error.message),
  );
  await rejects(() => Deno.stat(output), Deno.errors.NotFound);
  device.dispose();
});
