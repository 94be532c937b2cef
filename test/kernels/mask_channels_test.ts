import { keepHash, maskChannels } from "../../src/kernels.ts";
import { fixed, normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

/** A case in which about half the channels are masked. */
function masked(shape: [number, number, number]): OpCase {
  const [batch, , channels] = shape;
  const bits = Array.from({ length: batch * channels }, (_, i) => keepHash(6, i) & 1);
  return {
    name: `[${shape}]`,
    inputs: { x: normal(shape) },
    integers: { mask: fixed([batch, channels], bits) },
    run: ({ x, mask }) => maskChannels(x!, mask!),
  };
}

kernelSuite("maskChannels", [
  masked([1, 1, 1]),
  masked([2, 5, 3]),
  masked([3, 13, 7]),
  masked([3, 49, 192]),
  masked([2, 67, 33]),
  { ...masked([2, 5, 3]), name: "no channel", integers: { mask: fixed([2, 3], 0) } },
  { ...masked([2, 5, 3]), name: "all channels", integers: { mask: fixed([2, 3], 1) } },
]);
