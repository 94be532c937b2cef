/**
 * Models as ONNX graphs, composed of what each operation of the table is in the operators of ONNX.
 *
 * No file knows an architecture: the forward pass of a model is traced at several batches and lengths, and what differs
 * between the traces becomes a size that the graph computes. Clips of a batch are of one length, and nothing of
 * them is padding.
 *
 * Source: the ONNX specification, version 1.17; operators of set 17.
 *
 * @module
 */
import { UnsupportedOpError } from "../errors.ts";
import type { AudioClassificationModel } from "../models/mod.ts";
import { chunks, type Message } from "./_protobuf.ts";
import { joined } from "./_sizes.ts";
import { traced } from "./_trace.ts";
import { Writer } from "./_onnx_writer.ts";
import type { Port } from "./_onnx_graph.ts";

/** How a model is written. */
export interface OnnxOptions {
  /** The name of the input, as the feature extractor calls it. */
  inputName: string;
  /** How a clip lies where it is a spectrogram; absent for waveforms. */
  spectrogram?: {
    /** Of every clip; absent where clips are of any length. */
    frames?: number;
    /** Of the longest clip, where that is not the tables' end. */
    maxFrames?: number;
    bands: number;
    /** Whether the graph takes `[batch, bands, frames]`. */
    bandsFirst: boolean;
  };
  /** Whether products with a parameter are computed in 8 bits. @default none */
  isNarrow?: (name: string) => boolean;
  /** Who writes, and what the file should say of itself. */
  producer: { name: string; version: string };
  metadata?: Readonly<Record<string, string>>;
}

/** A file of ONNX. */
export interface OnnxFile {
  readonly byteLength: number;
  /** The bytes in order, each part made when its turn comes. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** What one message of protocol buffers may hold. */
const MOST_BYTES = 2 ** 31 - 1;
/** The longest clip that tables of positions are made for, where the model has such: 60 s. */
const [MAX_SAMPLES, MAX_FRAMES] = [960_000, 3_000];
/**
 * Batches of the traces, samples more than the fewest, frames of spectrograms, and their share of the most: of sizes
 * that nothing else has.
 */
const TRACES = [
  { batch: 2, more: 4_003, frames: 37, share: 0.3 },
  { batch: 3, more: 9_973, frames: 59, share: 0.48 },
  { batch: 5, more: 16_417, frames: 104, share: 0.6 },
  { batch: 7, more: 23_131, frames: 149, share: 0.83 },
  { batch: 11, more: MAX_SAMPLES, frames: MAX_FRAMES, share: 1 },
];

/**
 * Writes a model as an ONNX graph with one input and the output `logits`, whose batch is free, and the length where the
 * model takes waveforms. A model for x-vectors has the output `embeddings` besides, one that scores frames logits of each.
 *
 * @throws {UnsupportedOpError} when it has low-rank changes, answers by its neighbours, or takes more than 2 GB.
 */
export async function onnxFile(
  model: AudioClassificationModel,
  options: OnnxOptions,
): Promise<OnnxFile> {
  const { producer, metadata = {}, inputName, isNarrow = () => false } = options;
  expectPlain(model);
  const pass = joined(
    await traced(inputShapes(model, options), (inputs) => model.forward({ inputs }).logits),
  );
  const parameters = new Map(
    Array.from(model.parameters, ([name, { dataId }]) => [dataId, name] as const),
  );
  const writer = new Writer(parameters, isNarrow);
  const { graph } = writer;
  const isTurned = options.spectrogram?.bandsFirst;
  writer.names(
    pass.input,
    isTurned ? graph.node("Transpose", [inputName], { perm: [0, 2, 1] }) : inputName,
  );
  for (const call of pass.calls) writer.call(call);
  graph.rename(writer.nameOf(pass.output), "logits");
  const inputs: Port[] = [{ name: inputName, shape: ["batch", ...clipAxes(options)] }];
  const ofClip = pass.output.shape.at(-1)![0]!;
  const perFrame = model.headKind === "frames" ? ["frames"] : [];
  const outputs: Port[] = [{ name: "logits", shape: ["batch", ...perFrame, ofClip] }];
  if (model.headKind === "xvector") {
    // What the last map takes is the vector itself.
    graph.rename(writer.nameOf(pass.calls.at(-1)!.inputs.x!), "embeddings");
    outputs.push({ name: "embeddings", shape: ["batch", ofClip] });
  }
  const file = graph.toModel({ inputs, outputs, producer, metadata });
  return { byteLength: expectSmall(file), chunks: () => chunks(file) };
}

function expectPlain(model: AudioClassificationModel): void {
  const found = model.lora ? "low-rank changes" : model.neighbours && "a head of neighbours";
  if (!found) return;
  throw new UnsupportedOpError(
    `Cannot write a model of type "${model.modelType}" as a graph: expected plain weights, found ${found}`,
    { hint: model.lora ? "Save the model first: that merges them" : "Train a linear head" },
  );
}

function expectSmall({ byteLength }: Message): number {
  if (byteLength <= MOST_BYTES) return byteLength;
  throw new UnsupportedOpError(
    `Cannot write a model as one file of ONNX: expected at most ${MOST_BYTES} bytes, found ${byteLength}`,
  );
}

function clipAxes({ spectrogram }: OnnxOptions): (number | string)[] {
  if (!spectrogram) return ["samples"];
  const { frames, bands, bandsFirst } = spectrogram;
  const length = frames ?? "frames";
  return bandsFirst ? [bands, length] : [length, bands];
}

function inputShapes(
  { minSamples }: AudioClassificationModel,
  { spectrogram }: OnnxOptions,
): number[][] {
  return TRACES.map(({ batch, more, frames, share }) =>
    spectrogram ? [batch, framesOf(spectrogram, { frames, share }), spectrogram.bands] : [
      batch,
      minSamples + more,
    ]
  );
}

function framesOf(
  { frames, maxFrames }: NonNullable<OnnxOptions["spectrogram"]>,
  trace: { frames: number; share: number },
): number {
  return frames ?? (maxFrames === undefined ? trace.frames : Math.floor(trace.share * maxFrames));
}
