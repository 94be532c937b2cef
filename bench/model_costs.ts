/**
 * What models of published shapes cost: the figures of the table in `docs/models.md`.
 *
 * Weights do not change a cost, so they are drawn at random, and two models with few layers are measured: parameters,
 * operations and bytes grow by the same amount with each layer more. Nothing is downloaded.
 *
 * @module
 */
import { engine, tidy, zeros } from "@tensorflow/tfjs-core";
import { countFlops } from "../src/flops.ts";
import { startWasm } from "../src/kernels/wasm/mod.ts";
import { buildModel, Noise } from "../src/models/mod.ts";
import { disposeGradients, lossAndGradients } from "../src/train/step/step.ts";
import { MODEL_TYPES } from "../test/model_recipes.ts";
import { type PublishedShape, SHAPES } from "./_published_shapes.ts";
import type { Notes, Options, Question } from "./_question.ts";
import { type BenchRow, rowOf } from "./_records.ts";

/** The figures of a model. */
interface Cost {
  parameters: number;
  flops: number;
  /** Most bytes in a training step on one clip, beyond weights and gradients. */
  stepBytes: number;
  /** The same with gradient checkpointing. */
  checkpointedBytes: number;
}

const LABELS = Array.from({ length: 14 }, (_, i) => `label ${i}`);

async function costOf({ config, clip }: PublishedShape, layers: number): Promise<Cost> {
  const depth = { num_hidden_layers: layers, encoder_layers: layers, depth: layers };
  const model = await buildModel({ ...config, ...depth, layerdrop: 0 }, { labels: LABELS });
  const inputs = zeros([1, ...clip]);
  const flops = countFlops(() => tidy(() => void model.forward({ inputs })));
  inputs.dispose();
  const peaks: number[] = [];
  for (const gradientCheckpointing of [false, true]) {
    const before = engine().memory().numBytes;
    const { peakBytes } = await engine().profile(() => {
      const size = clip.reduce((product, length) => product * length, 1);
      const batch = {
        inputs: new Float32Array(size).fill(0.1),
        shape: [1, ...clip],
        labels: Int32Array.of(0),
      };
      const options = { noise: new Noise(1), gradientCheckpointing };
      disposeGradients(lossAndGradients(model, [batch], options));
      return [];
    });
    peaks.push(peakBytes - before - 4 * model.parameterCount);
  }
  const cost = {
    parameters: model.parameterCount,
    flops,
    stepBytes: peaks[0]!,
    checkpointedBytes: peaks[1]!,
  };
  model.dispose();
  return cost;
}

/** The cost at full depth, from those of two and three layers. */
function fullCost(two: Cost, three: Cost, layers: number): Cost {
  const at = (name: keyof Cost) => two[name] + (layers - 2) * (three[name] - two[name]);
  return {
    parameters: at("parameters"),
    flops: at("flops"),
    stepBytes: at("stepBytes"),
    checkpointedBytes: at("checkpointedBytes"),
  };
}

/** `costs`. */
export const question: Question = {
  asks: "What do models of published shapes cost in parameters, operations and memory?",
  options: {
    only: { help: "architectures, separated by commas", default: MODEL_TYPES.join(",") },
  },
  answer,
};

async function* answer(options: Options, notes: Notes): AsyncGenerator<BenchRow> {
  const types = options.someOf("only", MODEL_TYPES);
  const shapes = SHAPES.filter(({ config }) => types.includes(String(config.model_type)));
  const device = await startWasm({ threads: 0 });
  for (const [i, shape] of shapes.entries()) {
    const costs: Cost[] = [];
    for (const layers of [2, 3]) {
      notes.progress(`${i + 1} of ${shapes.length}: ${shape.checkpoint}, ${layers} layers`);
      costs.push(await costOf(shape, layers));
    }
    yield* rowsOf(shape, fullCost(costs[0]!, costs[1]!, shape.layers));
  }
  device.dispose();
}

function* rowsOf({ checkpoint, seconds }: PublishedShape, cost: Cost): Generator<BenchRow> {
  const { parameters, flops, stepBytes, checkpointedBytes } = cost;
  const megabytes = (bytes: number) => bytes / 1e6;
  yield rowOf(`${checkpoint}: parameters`, parameters / 1e6, "M parameters");
  yield rowOf(`${checkpoint}: forward pass, for a second`, flops / 1e9 / seconds, "GFLOP");
  yield rowOf(`${checkpoint}: fine-tuning`, megabytes(16 * parameters), "MB");
  yield rowOf(`${checkpoint}: step, for a second`, megabytes(stepBytes / seconds), "MB");
  const checkpointed = megabytes(checkpointedBytes / seconds);
  yield rowOf(`${checkpoint}: the same, gradient checkpointing`, checkpointed, "MB");
}
