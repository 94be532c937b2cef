/**
 * The cases of models whose heads do not classify clips: `test/golden/other_heads`.
 *
 * @module
 */
import { join } from "node:path";
import { directoryFiles, fileSource } from "../src/files.ts";
import type { AudioClassificationModel } from "../src/models/mod.ts";
import { loadModel } from "../src/pretrained.ts";
import { openSafetensors, type SafetensorsFile } from "../src/weights/safetensors.ts";
import { GOLDEN_DIR } from "./golden_cases.ts";

const CASES_DIR = join(GOLDEN_DIR, "other_heads");

/** Their names, in order. */
export const OTHER_HEADS: readonly string[] = Array.from(
  Deno.readDirSync(CASES_DIR),
  ({ name }) => name,
).sort();

/** The model directory of a case. */
export function otherHead(name: string): string {
  return join(CASES_DIR, name);
}

/** A case that is open. */
export interface OtherHeadCase {
  model: AudioClassificationModel;
  /** Tensors of `case.safetensors`. */
  read(name: string): Promise<Float32Array>;
  /** What the extractor made of the clips, as a batch. */
  batch: { inputValues: Float32Array; shape: number[]; lengths?: Int32Array };
  /** The clips as they were. */
  clips: Float32Array[];
}

/** Opens a case, and closes it behind a body. */
export async function withOtherHead(
  name: string,
  body: (found: OtherHeadCase) => Promise<void>,
): Promise<void> {
  using source = await fileSource(`${otherHead(name)}/case.safetensors`);
  const stored = await openSafetensors(source);
  const read = (key: string) => stored.read(key) as Promise<Float32Array>;
  const shape = [...stored.shape("inputs")!];
  const lengths = await maskedLengths(stored, shape[0]!);
  const samples = await read("samples");
  let at = 0;
  const clips = Array.from(await read("lengths"), (length) => samples.slice(at, at += length));
  const model = await loadModel(directoryFiles(otherHead(name)));
  try {
    await body({
      model,
      read,
      batch: { inputValues: await read("inputs"), shape, lengths },
      clips,
    });
  } finally {
    model.dispose();
  }
}

async function maskedLengths(
  stored: SafetensorsFile,
  clips: number,
): Promise<Int32Array | undefined> {
  if (!stored.shape("attention_mask")) return undefined;
  const mask = await stored.read("attention_mask");
  const width = mask.length / clips;
  return Int32Array.from({ length: clips }, (_, clip) => {
    return mask.subarray(clip * width, (clip + 1) * width).reduce((a, b) => a + b, 0);
  });
}
