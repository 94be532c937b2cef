/**
 * The log of a run as an event file that TensorBoard reads: scalars under `train/` and `eval/`, and the arguments.
 *
 * The form is that of TensorFlow's record files: each record is its length, a checksum of the length, the bytes of an
 * `Event` message and their checksum. Only the fields of a scalar and a text are written.
 *
 * Source: tensorflow/core/lib/io/record_writer.h and core/util/event.proto; the names are those of transformers'
 * `TensorBoardCallback`.
 *
 * @module
 */
import { isDiskFull, makeDirectory } from "../../files.ts";
import type { TrainingArguments } from "../options/arguments.ts";
import type { TrainerCallback, TrainerControl } from "./callbacks.ts";
import type { LogEntry, TrainerState } from "../checkpoints/state.ts";
import { system } from "../../system/mod.ts";

/**
 * Writes `runs/<name>/events.out.tfevents.<seconds>.earshot` in the output directory as a run goes on.
 *
 * @example
 * ```ts
 * import {
 *   AutoFeatureExtractor,
 *   AutoModelForAudioClassification,
 *   loadDataset,
 *   TensorBoardCallback,
 *   Trainer,
 *   TrainingArguments,
 * } from "@earshot/earshot";
 * import { equal } from "node:assert/strict";
 *
 * const model = await AutoModelForAudioClassification.fromPretrained("models/voice_menu");
 * const processingClass = await AutoFeatureExtractor.fromPretrained("models/voice_menu");
 * const { train } = await loadDataset("examples/voice_menu");
 *
 * const args = new TrainingArguments({
 *   outputDir: await Deno.makeTempDir(),
 *   runName: "first",
 *   maxSteps: 1,
 * });
 * const callbacks = [new TensorBoardCallback()];
 * const trainDataset = train!.select([0, 100]);
 * await new Trainer({ model, args, trainDataset, processingClass, callbacks }).train();
 * equal(Array.from(Deno.readDirSync(`${args.outputDir}/runs/first`)).length, 1);
 * model.dispose();
 * ```
 */
export class TensorBoardCallback implements TrainerCallback {
  #file: string | undefined;
  /** Bytes of the file that are whole records. */
  #sizeBytes = 0;
  #waiting: Uint8Array<ArrayBuffer>[] = [];

  /** Starts a file with the arguments of the run. */
  async onTrainBegin(args: TrainingArguments): Promise<void> {
    const { outputDir, runName } = args;
    const now = new Date();
    const folder = `${outputDir}/runs/${
      runName ?? now.toISOString().slice(0, 19).replaceAll(":", "-")
    }`;
    await makeDirectory(folder);
    this.#file = `${folder}/events.out.tfevents.${Math.floor(now.getTime() / 1000)}.earshot`;
    const text = `    ${JSON.stringify(args, null, 2).replaceAll("\n", "\n    ")}`;
    await this.#append(versionEvent(), textEvent("args", text));
  }

  /** Adds a line of the training log. */
  async onLog(
    _args: TrainingArguments,
    state: TrainerState,
    _control: TrainerControl,
    { logs }: { logs: LogEntry },
  ): Promise<void> {
    await this.#scalars(logs, state);
  }

  /** Adds the figures of an evaluation. */
  async onEvaluate(
    _args: TrainingArguments,
    state: TrainerState,
    _control: TrainerControl,
    { metrics }: { metrics: LogEntry },
  ): Promise<void> {
    await this.#scalars(metrics, state);
  }

  async #scalars({ step, ...values }: LogEntry, { globalStep }: TrainerState): Promise<void> {
    const events = Object.entries(values).map(([name, value]) =>
      scalarEvent(tagOf(name), value!, step ?? globalStep)
    );
    await this.#append(...events);
  }

  /** Where the disk is full, they wait for the next ones: a half record would end the file for its reader. */
  async #append(...events: Uint8Array<ArrayBuffer>[]): Promise<void> {
    if (!this.#file) return;
    this.#waiting.push(...events.map(record));
    const bytes = await new Blob(this.#waiting).bytes();
    try {
      await system.writeFile(this.#file, bytes, { append: true });
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      await system.truncate(this.#file, this.#sizeBytes).catch(() => {});
      return;
    }
    this.#sizeBytes += bytes.length;
    this.#waiting = [];
  }
}

/** "eval_loss" as "eval/loss", all others under "train/". */
function tagOf(name: string): string {
  return /^(eval|test)_/.test(name) ? name.replace("_", "/") : `train/${name}`;
}

/** A record of the file. */
export function record(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(8 + 4 + bytes.length + 4);
  const view = new DataView(whole.buffer);
  view.setBigUint64(0, BigInt(bytes.length), true);
  view.setUint32(8, maskedCrc(whole.subarray(0, 8)), true);
  whole.set(bytes, 12);
  view.setUint32(12 + bytes.length, maskedCrc(bytes), true);
  return whole;
}

const CRC_POLYNOMIAL = 0x82f63b78;
const CRC_MASK = 0xa282ead8;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >>> 1 ^ CRC_POLYNOMIAL : crc >>> 1;
  return crc;
});

/** CRC-32C, turned by 15 bits and moved on, so that it can stand among the bytes that it is of. */
function maskedCrc(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ crc >>> 8;
  crc = ~crc >>> 0;
  return ((crc >>> 15 | crc << 17) >>> 0) + CRC_MASK >>> 0;
}

function versionEvent(): Uint8Array<ArrayBuffer> {
  return event(0, lengthDelimited(3, utf8("brain.Event:2")));
}

function scalarEvent(tag: string, value: number, step: number): Uint8Array<ArrayBuffer> {
  const number = new Uint8Array(4);
  new DataView(number.buffer).setFloat32(0, value, true);
  return summaryEvent(tag, step, joined(key(2, 5), number));
}

/** What is written for a text: the plugin that shows it, and a tensor of one string. */
function textEvent(tag: string, text: string): Uint8Array<ArrayBuffer> {
  const plugin = lengthDelimited(1, lengthDelimited(1, utf8("text")));
  const shape = lengthDelimited(2, lengthDelimited(2, joined(key(1, 0), varint(1))));
  const tensor = joined(key(1, 0), varint(7), shape, lengthDelimited(8, utf8(text)));
  const value = joined(lengthDelimited(9, plugin), lengthDelimited(8, tensor));
  return summaryEvent(`${tag}/text_summary`, 0, value);
}

function summaryEvent(
  tag: string,
  step: number,
  value: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  const named = joined(lengthDelimited(1, utf8(tag)), value);
  return event(step, lengthDelimited(5, lengthDelimited(1, named)));
}

/** An `Event` of now. */
function event(step: number, content: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const seconds = new Uint8Array(8);
  new DataView(seconds.buffer).setFloat64(0, Date.now() / 1000, true);
  return joined(key(1, 1), seconds, key(2, 0), varint(step), content);
}

/** Number and wire type of a field. */
function key(field: number, wireType: number): Uint8Array<ArrayBuffer> {
  return varint(field << 3 | wireType);
}

function lengthDelimited(
  field: number,
  bytes: Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer> {
  return joined(key(field, 2), varint(bytes.length), bytes);
}

/** Seven bits a byte, the lowest first. */
function varint(value: number): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  for (; value > 0x7f; value = Math.floor(value / 0x80)) bytes.push(value & 0x7f | 0x80);
  return Uint8Array.of(...bytes, value);
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function joined(...parts: Uint8Array<ArrayBuffer>[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
