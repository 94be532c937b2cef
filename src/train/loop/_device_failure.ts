/**
 * What a run that its device ended leaves, and how it can go on: said in the error's hint.
 *
 * A device that was lost or is out of memory can save nothing any more; what is left is the newest checkpoint on disk.
 *
 * @module
 */
import { memoryLimitBytes } from "../../devices.ts";
import { DeviceError } from "../../errors.ts";
import type { TrainingArguments } from "../options/arguments.ts";
import { checkpointName, checkpointSteps } from "../checkpoints/checkpoint.ts";

/** The error itself, or with the way to go on where a device has failed. */
export async function withRecoveryHint(error: unknown, args: TrainingArguments): Promise<unknown> {
  if (!(error instanceof DeviceError)) return error;
  const step = (await checkpointSteps(args.outputDir).catch(() => [])).at(-1);
  const name = step === undefined ? undefined : checkpointName(step);
  const kept = name
    ? `"${name}" of the output directory is kept`
    : "No checkpoint was written before";
  const way = error.reason === "memory" ? smallerBatches(args, name) : nextRun(name);
  return new DeviceError(error.message, {
    reason: error.reason,
    hint: `${kept}. ${way}`,
    cause: error,
  });
}

/** Half the clips at a time and twice as often give the same updates. */
function smallerBatches(args: TrainingArguments, checkpoint: string | undefined): string {
  const { perDeviceTrainBatchSize: clips, gradientAccumulationSteps: turns } = args;
  const start = checkpoint ? "Start anew, from it as the model," : "Start anew";
  if (clips === 1) {
    const elsewhere = memoryLimitBytes() === undefined ? '`backend: "wasm"`' : "`loraRank: 8`";
    return `${start} with \`gradientCheckpointing: true\`, shorter clips or ${elsewhere}`;
  }
  const [fewer, more] = [Math.floor(clips / 2), turns * 2];
  return `${start} with \`perDeviceTrainBatchSize: ${fewer}\` and \`gradientAccumulationSteps: ${more}\`, ` +
    "which takes about half the memory";
}

function nextRun(checkpoint: string | undefined): string {
  const again = checkpoint ? "Go on with `resumeFromCheckpoint: true`" : "Start again";
  return `${again}, with \`backend: "wasm"\` if it happens again`;
}
