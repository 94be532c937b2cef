/**
 * A small model as C: one header and one source, from samples to scores, without allocation.
 *
 * Like an ONNX graph it is made from a trace of the forward pass; the clip has one length, so that all sizes are
 * numbers and the place of every tensor in memory is known. The source is C99 and needs `math.h` alone.
 *
 * @module
 */
import { UnsupportedOpError } from "../errors.ts";
import type { ASTSteps } from "../features/mod.ts";
import { sizeOf } from "../kernels.ts";
import type { AudioClassificationModel } from "../models/mod.ts";
import { type FunctionName, FUNCTIONS, SPECTROGRAM } from "./_c_functions.ts";
import { type Layout, layOut, type Span } from "./_c_memory.ts";
import { valuesOf } from "./_onnx_constants.ts";
import { joined, type JoinedCall, type Pass, type Value } from "./_sizes.ts";
import { type CallName, traced } from "./_trace.ts";

/** What to write besides the model. */
export interface COptions {
  /** The numbers of its feature extractor. */
  steps: ASTSteps;
  /** Samples a second. */
  samplingRate: number;
  /** The most static memory, in bytes. @default 262144 */
  maxBytes?: number;
}

/** A program. */
export interface CProgram {
  header: string;
  source: string;
  /** Static memory that is written to while it runs, in bytes. */
  memoryBytes: number;
  /** Constants, in bytes. */
  constantBytes: number;
}

const MOST_BYTES = 256 * 1024;

/**
 * Writes a model of spectrograms as C.
 *
 * @throws {UnsupportedOpError} when it calls an operation that is not written in C, has low-rank changes, or takes more
 * memory than is allowed.
 */
export async function cProgram(
  model: AudioClassificationModel,
  { steps, samplingRate, maxBytes = MOST_BYTES }: COptions,
): Promise<CProgram> {
  if (model.lora) {
    fail(model, "plain weights, found low-rank changes");
  }
  const [frames, bands] = steps.shape;
  const shapes = [[1, frames, bands]];
  const pass = joined(await traced(shapes, (inputs) => model.forward({ inputs }).logits));
  const layout = layOut(spansOf(pass));
  const scratch = scratchOf(pass);
  const memoryBytes = 4 * (layout.size + frames * bands + scratch) + 2 * 8 * steps.fftSize;
  if (memoryBytes > maxBytes) {
    fail(model, `at most ${maxBytes} bytes of memory, found ${memoryBytes}`);
  }
  const writer = new CWriter(model, pass, layout);
  const calls = pass.calls.map((call) => writer.call(call)).filter((statement) => statement !== "");
  const tables = await writer.tables();
  const end = endOf(model);
  if (end) writer.used.add(end);
  const source = [
    `#include <math.h>\n#include "earshot_model.h"\n`,
    stepTables(steps),
    tables.text,
    `static float memory[${layout.size}];\nstatic float ${SCRATCH}[${scratch}];\n`,
    SPECTROGRAM,
    ...Object.entries(FUNCTIONS)
      .filter(([name]) => writer.used.has(name as FunctionName))
      .map(([, text]) => text),
    logitsFunction([...calls, writer.copyOut(pass.output)]),
    classifyFunction(end),
    labelTable(model.labels),
  ].join("");
  const facts = { steps, classes: model.labels.length, samplingRate, memoryBytes };
  return { header: headerOf(facts), source, memoryBytes, constantBytes: 4 * tables.numbers };
}

/** What makes scores of logits. */
function endOf({ problemType }: AudioClassificationModel): "softmax" | "sigmoid" | undefined {
  if (problemType === "regression") return undefined;
  return problemType === "multi_label_classification" ? "sigmoid" : "softmax";
}

/** Numbers that attention works in: the scores of one query. */
function scratchOf({ calls }: Pass): number {
  const all = calls.filter(({ name }) => name === "attention");
  return Math.max(1, ...all.map(({ inputs }) => lengths(inputs.q!)[1]!));
}

function fail({ modelType }: AudioClassificationModel, what: string): never {
  throw new UnsupportedOpError(
    `Cannot write a model of type "${modelType}" as C: expected ${what}`,
  );
}

function lengths({ shape }: Value): number[] {
  return shape.map(([size]) => size!);
}

function count(value: Value): number {
  return sizeOf(lengths(value));
}

/** When each tensor is made, and when it is read for the last time; a reshaped one is the same memory. */
function spansOf({ calls, input, output }: Pass): Span[] {
  const owner = owners(calls);
  const spans = new Map<number, Span>();
  for (const [at, { name, inputs, outputs }] of calls.entries()) {
    for (const value of Object.values(inputs)) {
      const span = spans.get(owner(value.id));
      if (span) span.to = at;
    }
    const [made] = outputs as [Value];
    if (name !== "reshape") {
      spans.set(made.id, { id: made.id, size: count(made), from: at, to: at });
    }
  }
  spans.delete(input.id);
  const last = spans.get(owner(output.id));
  if (last) last.to = calls.length;
  return [...spans.values()];
}

/** The tensor whose memory a tensor is. */
function owners(calls: readonly JoinedCall[]): (id: number) => number {
  const same = new Map(
    calls.filter(({ name }) => name === "reshape")
      .map(({ inputs, outputs }) => [outputs[0]!.id, inputs.x!.id] as const),
  );
  return (id) => {
    let found = id;
    while (same.has(found)) found = same.get(found)!;
    return found;
  };
}

/** The attributes of the calls that are written. */
type Attrs = Record<string, number> & { activation: string; size: number[]; stride: number[] };

/** What a statement is made of. */
interface StatementParts {
  inputs: Readonly<Record<string, Value>>;
  /** Where the inputs lie. */
  places: Readonly<Record<string, string>>;
  attrs: Attrs;
  made: Value;
  /** The name of an activation function. */
  functionOf(kind: string): string;
}

/** A function, and what it is called with before the place of the result. */
interface Statement {
  called: FunctionName;
  parts: readonly (string | number | undefined)[];
}

const STATEMENTS: Partial<Record<CallName, (call: StatementParts) => Statement>> = {
  activation: ({ places, attrs, made, functionOf }) => {
    return { called: "apply", parts: [places.x, functionOf(attrs.activation), count(made)] };
  },
  add: ({ places, made }) => {
    return { called: "add", parts: [places.x, places.y, count(made), count(made)] };
  },
  addBias: ({ inputs, places, made }) => {
    return { called: "add", parts: [places.x, places.bias, count(made), count(inputs.bias!)] };
  },
  attention: ({ places: { q, k, v }, attrs, made }) => {
    const [, frames, size] = lengths(made) as [number, number, number];
    const parts = [q, k, v, attrs.heads, single(attrs.scale!), frames, size, SCRATCH];
    return { called: "attention", parts };
  },
  layerNorm: ({ places: { x, gamma, beta }, attrs, made }) => {
    const size = lengths(made).at(-1)!;
    const parts = [x, gamma, beta, single(attrs.eps!), count(made) / size, size];
    return { called: "layer_norm", parts };
  },
  linear: ({ inputs, places, attrs, made, functionOf }) => {
    const [outputs, width] = lengths(inputs.weight!) as [number, number];
    const { x, weight, bias = "NULL", residual = "NULL" } = places;
    const kind = functionOf(attrs.activation);
    const parts = [x, weight, bias, residual, kind, count(made) / outputs, width, outputs];
    return { called: "linear", parts };
  },
  meanPool: ({ inputs, places }) => {
    const [, frames, size] = lengths(inputs.x!) as [number, number, number];
    return { called: "mean_pool", parts: [places.x, frames, size] };
  },
  padFrames: ({ inputs, places, attrs: { before, after } }) => {
    const [, frames, size] = lengths(inputs.x!) as [number, number, number];
    return { called: "pad_frames", parts: [places.x, frames, size, before, after] };
  },
  patches: ({ inputs, places, attrs: { size, stride } }) => {
    const [, frames, channels] = lengths(inputs.x!) as [number, number, number];
    return { called: "patches", parts: [places.x, frames, channels, ...size, ...stride] };
  },
};

const SCRATCH = "scores_of_frames";

/** Writes calls, and knows which functions and constants they need. */
class CWriter {
  readonly used = new Set<FunctionName>();
  readonly #constants = new Map<number, Value>();
  readonly #owner: (id: number) => number;

  constructor(
    readonly model: AudioClassificationModel,
    readonly pass: Pass,
    readonly layout: Layout,
  ) {
    this.#owner = owners(pass.calls);
    for (const { inputs } of pass.calls) {
      for (const value of Object.values(inputs)) {
        if (value.constants) this.#constants.set(value.id, value);
      }
    }
  }

  /** A statement; nothing where a tensor keeps its memory. */
  call(call: JoinedCall): string {
    const { name, inputs, attrs: [attrs], outputs: [made] } = call;
    if (name === "reshape") return "";
    const write = STATEMENTS[name] ?? fail(
      this.model,
      `operations of an Audio Spectrogram Transformer, found ${name}`,
    );
    const places = Object.fromEntries(
      Object.entries(inputs).map(([key, value]) => [key, this.#place(value)]),
    );
    const { called, parts } = write({
      inputs,
      places,
      attrs: attrs as Attrs,
      made: made!,
      functionOf: (kind) => this.#function(kind),
    });
    this.used.add(called);
    return `  ${called}(${[...parts, this.#place(made!)].join(", ")});`;
  }

  /** Copies the result to where the caller wants it. */
  copyOut(output: Value): string {
    return `  for (i = 0; i < EARSHOT_CLASSES; i++) logits[i] = (${this.#place(output)})[i];`;
  }

  /** All constants as arrays, and how many numbers they hold. */
  async tables(): Promise<{ text: string; numbers: number }> {
    let [text, numbers] = ["", 0];
    for (const [id, value] of this.#constants) {
      const values = await valuesOf(value);
      numbers += values.length;
      text += table("float", constantName(id), Array.from(values, single));
    }
    return { text, numbers };
  }

  #function(kind: string): string {
    if (kind === "none") return "NULL";
    if (!Object.hasOwn(FUNCTIONS, kind)) {
      fail(this.model, `an activation written in C, found ${kind}`);
    }
    this.used.add(kind as FunctionName);
    return kind;
  }

  #place({ id }: Value): string {
    const owner = this.#owner(id);
    if (owner === this.pass.input.id) return "features";
    if (this.#constants.has(owner)) return constantName(owner);
    return `memory + ${this.layout.offsets.get(owner)!}`;
  }
}

function constantName(id: number): string {
  return `constant_${id}`;
}

/** A number of single precision, read back to the same bits. */
function single(value: number): string {
  const text = Math.fround(value).toPrecision(9);
  return `${/[.e]/.test(text) ? text : `${text}.0`}f`;
}

function table(type: string, name: string, values: readonly (string | number)[]): string {
  const lines: string[] = [];
  for (let i = 0; i < values.length; i += 8) lines.push(`  ${values.slice(i, i + 8).join(", ")},`);
  return `static const ${type} ${name}[${values.length}] = {\n${lines.join("\n")}\n};\n`;
}

function stepTables(steps: ASTSteps): string {
  const { fftSize, bank, window, frameSamples, hopSamples, preemphasis, energyFloor, mean, scale } =
    steps;
  const half = Array.from({ length: fftSize / 2 }, (_, i) => 2 * Math.PI * i / fftSize);
  const defines = Object.entries({
    FFT_SIZE: fftSize,
    FRAME_SAMPLES: frameSamples,
    HOP_SAMPLES: hopSamples,
    PREEMPHASIS: double(preemphasis),
    ENERGY_FLOOR: double(energyFloor),
    LEVEL_MEAN: double(mean),
    LEVEL_SCALE: double(scale),
  }).map(([name, value]) => `#define ${name} ${value}\n`);
  return [
    ...defines,
    table("double", "window", Array.from(window, double)),
    table("double", "cosines", half.map((angle) => double(Math.cos(angle)))),
    table("double", "sines", half.map((angle) => double(Math.sin(angle)))),
    table("double", "band_weights", Array.from(bank.weights, double)),
    table("int", "band_ends", [...bank.offsets]),
    table("int", "first_bins", [...bank.firstBin]),
  ].join("");
}

function double(value: number): string {
  const text = value.toPrecision(17);
  return value < 0 ? `(${text})` : /[.e]/.test(text) ? text : `${text}.0`;
}

function logitsFunction(statements: readonly string[]): string {
  return `
void earshot_logits(const float *features, float *logits)
{
  int i;
${statements.join("\n")}
}
`;
}

function classifyFunction(end: "sigmoid" | "softmax" | undefined): string {
  const last = {
    none: "",
    softmax: "  softmax(scores, EARSHOT_CLASSES);\n",
    sigmoid: "  { int i; for (i = 0; i < EARSHOT_CLASSES; i++) scores[i] = sigmoid(scores[i]); }\n",
  }[end ?? "none"];
  return `
void earshot_classify(const float *samples, size_t count, float *scores)
{
  static float features[EARSHOT_FRAMES * EARSHOT_BANDS];
  earshot_features(samples, count, features);
  earshot_logits(features, scores);
${last}}
`;
}

function labelTable(labels: readonly string[]): string {
  const texts = labels.map((label) => `  ${quoted(label)},`).join("\n");
  return `\nconst char *const earshot_labels[EARSHOT_CLASSES] = {\n${texts}\n};\n`;
}

/** A string of C: what is no plain character is written byte by byte, each ended so that no digit joins it. */
function quoted(text: string): string {
  const bytes = Array.from(new TextEncoder().encode(text));
  const parts = bytes.map((byte) =>
    byte >= 32 && byte < 127 && byte !== 34 && byte !== 92 && byte !== 63
      ? String.fromCharCode(byte)
      : `\\${byte.toString(8).padStart(3, "0")}`
  );
  return `"${parts.join("")}"`;
}

function headerOf(
  { steps: { shape: [frames, bands], frameSamples, hopSamples }, ...facts }: {
    steps: ASTSteps;
    classes: number;
    samplingRate: number;
    memoryBytes: number;
  },
): string {
  const { classes, samplingRate, memoryBytes } = facts;
  const samples = (frames - 1) * hopSamples + frameSamples;
  return `/* A sound classifier, written by Earshot. C99, no allocation; not for two threads at once. */
#ifndef EARSHOT_MODEL_H
#define EARSHOT_MODEL_H

#include <stddef.h>

/* Samples a second, and samples of a whole clip; of a longer one the rest is left out. */
#define EARSHOT_RATE ${samplingRate}
#define EARSHOT_SAMPLES ${samples}
#define EARSHOT_FRAMES ${frames}
#define EARSHOT_BANDS ${bands}
#define EARSHOT_CLASSES ${classes}
/* Bytes of static memory that are written to. */
#define EARSHOT_MEMORY ${memoryBytes}

/* The names of the classes, in UTF-8. */
extern const char *const earshot_labels[EARSHOT_CLASSES];

/* Samples within -1 and 1, as many as there are -> a score for each class. */
void earshot_classify(const float *samples, size_t count, float *scores);

/* Its two steps: samples -> features [EARSHOT_FRAMES, EARSHOT_BANDS] -> logits [EARSHOT_CLASSES]. */
void earshot_features(const float *samples, size_t count, float *features);
void earshot_logits(const float *features, float *logits);

#endif
`;
}
