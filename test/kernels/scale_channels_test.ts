import { scaleChannels } from "../../src/kernels.ts";
import { normal, type OpCase } from "./_op_case.ts";
import { kernelSuite } from "./_suite.ts";

function scaled(shape: [number, number, number]): OpCase {
  const [batch, , channels] = shape;
  return {
    name: `[${shape}]`,
    inputs: { x: normal(shape), factor: normal([batch, channels], { seed: 2 }) },
    run: ({ x, factor }) => scaleChannels(x!, factor!),
  };
}

kernelSuite("scaleChannels", [
  scaled([1, 1, 1]),
  scaled([2, 5, 3]),
  scaled([3, 13, 7]),
  scaled([4, 31, 1]),
  scaled([3, 49, 192]),
  scaled([2, 1201, 33]),
]);
