/**
 * What a model loader reads from, whatever the files are: tensors by name, as float32.
 *
 * Implemented by the readers of single safetensors files, of torch's `.bin` files and of sharded
 * checkpoints. A source knows nothing of models: names are the file's own, and it gives every
 * tensor in row-major order, one at a time.
 *
 * @module
 */

/** The forms of a device that files hold weights in. */
export type HeldForm = "panels" | "int8-panels";

/** A weight as a device holds it in memory; `operations/weight_forms.ts` says what the parts mean. */
export interface HeldTensor {
  /** What the parts mean. */
  form: HeldForm;
  /** The length of each axis of the weight as the device holds it; the tensor's own may be another. */
  shape: number[];
  /** What lies in memory, one after the other. */
  parts: {
    name: "" | "scale";
    dtype: "F32" | "I8";
    shape: number[];
    values: Float32Array | Int8Array;
  }[];
}

/** Named tensors of a checkpoint, read one at a time. */
export interface TensorSource {
  /** What error messages call the checkpoint. */
  readonly file: string;
  /** Every tensor's name, in the order of the file. */
  names(): Iterable<string>;
  /** The length of each axis, empty for a scalar; undefined where there is no such tensor. */
  shape(name: string): readonly number[] | undefined;
  /** How the numbers are stored, in the words of safetensors: `F32`, `BF16`, `I64`, ... */
  dtype(name: string): string | undefined;
  /**
   * The tensor's numbers as float32, in a new array that the caller owns.
   *
   * Integers beyond 2^24 and float64 are rounded to the nearest float32.
   *
   * @throws {CheckpointError} if there is no such tensor, or its bytes cannot be read.
   */
  read(name: string): Promise<Float32Array>;
  /** The device's form that the tensor lies in; absent or undefined where it is plain numbers. */
  form?(name: string): HeldForm | undefined;
  /**
   * A tensor that lies in a device's form.
   *
   * @throws {CheckpointError} if it does not, or its bytes cannot be read.
   */
  readHeld?(name: string): Promise<HeldTensor>;
  /** How `export` stored the weights; absent where it did not write them. */
  readonly exported?: "q8" | "f16" | "f32";
  /** The file that holds the tensor: the shard, where there are several. */
  origin(name: string): string;
  /** Closes the files that the source was opened over. */
  close(): void;
}
