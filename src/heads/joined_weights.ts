/**
 * The weights of a model of two files: its backbone's, and a head's.
 *
 * @module
 */
import type { TensorSource } from "../weights/tensor_source.ts";

/** Tensors of a classification head, whatever the architecture; all others are the backbone's. */
const HEAD_TENSOR = /^(projector|classifier|outputlayer|layer_weights)\b/;

/** Whether a tensor is a head's, by its name in a checkpoint. */
export function isOfHead(name: string): boolean {
  return HEAD_TENSOR.test(name);
}

/**
 * One source of both, closed together.
 *
 * @param backbone a head of its own, which it may have, is left out.
 * @param isOfHead by the name in the backbone's file.
 */
export function joinHead(backbone: TensorSource, head: TensorSource): TensorSource {
  const ofBase = () => [...backbone.names()].filter((name) => !isOfHead(name));
  const of = (name: string) => head.shape(name) ? head : backbone;
  return {
    ...backbone,
    names: () => [...ofBase(), ...head.names()],
    shape: (name) => {
      return head.shape(name) ?? (isOfHead(name) ? undefined : backbone.shape(name));
    },
    dtype: (name) => of(name).dtype(name),
    read: (name) => of(name).read(name),
    form: (name) => of(name).form?.(name),
    readHeld: (name) => of(name).readHeld!(name),
    origin: (name) => of(name).origin(name),
    close: () => {
      head.close();
      backbone.close();
    },
  };
}
