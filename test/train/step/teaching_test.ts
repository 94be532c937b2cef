import assert from "node:assert/strict";
import {
  engine,
  type Scalar,
  type Tensor,
  tensor,
  tensor1d,
  tensor2d,
  type Variable,
  variable,
  variableGrads,
} from "@tensorflow/tfjs-core";
import "../../../src/gradients.ts";
import { crossEntropy, scale } from "../../../src/kernels.ts";
import { Random } from "../../../src/random.ts";
import { divergence, softmax } from "../../../src/train/step/_soft_targets.ts";
import {
  type TeacherAnswer,
  Teaching,
  type TeachingBatch,
  type TeachingOptions,
} from "../../../src/train/step/teaching.ts";
import { assertAllClose } from "../../compare.ts";
import { deviceTest } from "../../devices.ts";

const ANSWERS = new Map<number, TeacherAnswer>([
  [4, { scores: [1, 2, -1], features: Float32Array.of(1, 5, 2, 0) }],
  [7, { scores: [0, -3, 1], features: Float32Array.of(-1, 0, 3, 3) }],
]);
const BATCH: TeachingBatch = { batch: { indices: [7, 4] }, clips: 2 };
const LOGITS = [[0.5, 1, -0.5], [0.2, 0, 1]];
const SEEN = [[0.1, 2], [1, -1]];

function teaching(options: Partial<TeachingOptions>): Teaching {
  const whole = {
    problemType: "single_label_classification" as const,
    ...{ weight: 0, temperature: 1, featureWeight: 0 },
    ...options,
  };
  const setup = { featureSize: 2, random: new Random(1), fingerprint: "" };
  return new Teaching(ANSWERS, whole, setup);
}

/** The loss beside that of the labels, its slopes being those that finite differences give. */
async function expectSlopes(taught: Teaching, batch = BATCH): Promise<number> {
  const [logits, seen] = [placed(tensor2d(LOGITS)), placed(tensor2d(SEEN))];
  const loss = (): Scalar => {
    const own = crossEntropy(logits, tensor1d([0, 1], "int32")) as Scalar;
    return taught.loss(own, { logits, features: [seen] }, batch);
  };
  const variables = [logits, seen, ...taught.parameters.values()];
  const { value, grads } = variableGrads(loss, variables);
  for (const watched of variables) {
    const slope = grads[watched.name];
    if (!slope) continue;
    const values = await watched.data() as Float32Array;
    const slopes = await slope.data() as Float32Array;
    for (const [i, at] of values.entries()) {
      const around: number[] = [];
      for (const step of [1e-2, -1e-2]) {
        put(watched, values.map((old, k) => k === i ? at + step : old));
        around.push((await loss().data())[0]!);
      }
      put(watched, values);
      assertAllClose([slopes[i]!], [(around[0]! - around[1]!) / 2e-2], { atol: 2e-3 });
    }
  }
  return (await value.data())[0]!;
}

function placed(values: Tensor): Variable {
  const held = variable(values);
  values.dispose();
  return held;
}

function put(watched: Variable, values: Float32Array): void {
  const moved = tensor(values, watched.shape);
  watched.assign(moved);
  moved.dispose();
}

deviceTest("Teaching blends the labels' loss with the teacher's softened scores", async () => {
  const taught = teaching({ weight: 0.25, temperature: 2 });
  const found = await expectSlopes(taught);
  const logits = tensor2d(LOGITS);
  const own = crossEntropy(logits, tensor1d([0, 1], "int32"));
  const shares = Float32Array.from([7, 4].flatMap((at) => softmax(ANSWERS.get(at)!.scores, 2)));
  const softened = divergence(scale(logits, 0.5), { shares, clips: 2 });
  const [a, b] = [(await own.data())[0]!, (await softened.data())[0]!];
  assertAllClose([found], [0.75 * a + 0.25 * 4 * b], { atol: 1e-5 });
  taught.dispose();
});

deviceTest("Teaching asks for other features until they correlate with the teacher's", async () => {
  const taught = teaching({ featureWeight: 3 });
  const before = await expectSlopes(taught);
  const labels = await expectSlopes(teaching({}));
  assert.ok(before - labels > 0 && before - labels < 6, `${before - labels}`);
  taught.dispose();
});

deviceTest("Teaching mixes answers as clips are mixed", async () => {
  const taught = teaching({ weight: 1 });
  const mixed = { share: 0.75, indices: [4, 7] };
  const found = await expectSlopes(taught, { batch: { indices: [7, 4], mixed }, clips: 2 });
  const [first, second] = [7, 4].map((at) => softmax(ANSWERS.get(at)!.scores, 1));
  const blend = (a: number[], b: number[]) => a.map((share, k) => 0.75 * share + 0.25 * b[k]!);
  const shares = Float32Array.from([...blend(first!, second!), ...blend(second!, first!)]);
  const logits = tensor2d(LOGITS);
  const wanted = divergence(logits, { shares, clips: 2 });
  assertAllClose([found], [(await wanted.data())[0]!], { atol: 1e-5 });
});

deviceTest(
  "Teaching names a clip that the teacher has not answered for, and leaves nothing",
  () => {
    const before = engine().memory().numTensors;
    const taught = teaching({ weight: 1, featureWeight: 1 });
    const batch = { batch: { indices: [9] }, clips: 1 };
    assert.throws(() => taught.loss(null as never, { logits: null as never }, batch), {
      name: "DatasetError",
      message: "Cannot learn from a teacher: expected its answer for training clip 9, found none",
    });
    taught.dispose();
    assert.equal(engine().memory().numTensors - before, 0);
  },
);
