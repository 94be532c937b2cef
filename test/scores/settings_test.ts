import { deepEqual, equal, ok, throws } from "node:assert/strict";
import { CheckpointError } from "../../src/errors.ts";
import { noneLabel, scoreSettings } from "../../src/scores/mod.ts";

const MODEL = { labels: ["dog", "cat"], file: "my-model/config.json" };

function base64(...values: number[]): string {
  return btoa(String.fromCharCode(...new Uint8Array(Float32Array.from(values).buffer)));
}

const DISTANCE = {
  method: "distance",
  threshold: 1,
  scale: 0.5,
  means: base64(0, 0, 1, 1),
  deviations: base64(1, 2),
};

Deno.test("scoreSettings() gives nothing where the config says nothing", () => {
  equal(scoreSettings(undefined, MODEL), undefined);
  equal(scoreSettings(null, MODEL), undefined);
});

Deno.test("scoreSettings() reads every field", () => {
  const noise = { weights: base64(3, 4), bias: -1 };
  const found = scoreSettings({
    temperature: [2, 3],
    bias: [0, -1],
    thresholds: { dog: 0.7 },
    rejection: { ...DISTANCE, noise },
  }, MODEL);
  deepEqual(found, {
    temperature: [2, 3],
    bias: [0, -1],
    thresholds: { dog: 0.7 },
    rejection: {
      unlikeness: {
        method: "distance",
        threshold: 1,
        scale: 0.5,
        means: Float32Array.of(0, 0, 1, 1),
        deviations: Float32Array.of(1, 2),
      },
      noise: { weights: Float32Array.of(3, 4), bias: -1 },
    },
  });
});

const BROKEN: Record<string, [config: unknown, field: string]> = {
  "a word": ["hot", "earshot.scores"],
  "a temperature of 0": [{ temperature: 0 }, "earshot.scores.temperature"],
  "a temperature that is text": [{ temperature: "2" }, "earshot.scores.temperature"],
  "temperatures for other classes": [{ temperature: [1, 2, 3] }, "earshot.scores.temperature"],
  "one temperature below 0": [{ temperature: [1, -2] }, "earshot.scores.temperature"],
  "a bias that is no list": [{ bias: 1 }, "earshot.scores.bias"],
  "a threshold of no class": [{ thresholds: { cow: 0.5 } }, "earshot.scores.thresholds"],
  "a threshold above 1": [{ thresholds: { dog: 1.5 } }, "earshot.scores.thresholds.dog"],
  "thresholds in a list": [{ thresholds: [0.5] }, "earshot.scores.thresholds"],
  "an unknown method": [
    { rejection: { method: "guess", threshold: 0, scale: 1 } },
    "earshot.scores.rejection.method",
  ],
  "no threshold": [
    { rejection: { method: "energy", scale: 1 } },
    "earshot.scores.rejection.threshold",
  ],
  "a scale of 0": [
    { rejection: { method: "energy", threshold: 1, scale: 0 } },
    "earshot.scores.rejection.scale",
  ],
  "means of another size": [
    { rejection: { ...DISTANCE, means: base64(1, 2, 3) } },
    "earshot.scores.rejection.means",
  ],
  "means that are no base64": [
    { rejection: { ...DISTANCE, means: "%" } },
    "earshot.scores.rejection.means",
  ],
  "a mean that is not a number": [
    { rejection: { ...DISTANCE, means: base64(0, 0, NaN, 1) } },
    "earshot.scores.rejection.means",
  ],
  "a deviation of 0": [
    { rejection: { ...DISTANCE, deviations: base64(1, 0) } },
    "earshot.scores.rejection.deviations",
  ],
  "noise of another size": [
    { rejection: { ...DISTANCE, noise: { weights: base64(1), bias: 0 } } },
    "earshot.scores.rejection.noise",
  ],
};

const ENERGY = { method: "energy", threshold: 1, scale: 0.5 };

const OTHER_SIZE: Record<string, unknown> = {
  "noise of the energy": { ...ENERGY, noise: { weights: base64(1, 2), bias: 0 } },
  "means of the distance": DISTANCE,
};

for (const [what, rejection] of Object.entries(OTHER_SIZE)) {
  Deno.test(`scoreSettings() holds ${what} to the size of the model's features`, () => {
    ok(scoreSettings({ rejection }, { ...MODEL, featureSize: 2 }));
    throws(
      () => scoreSettings({ rejection }, { ...MODEL, featureSize: 3 }),
      /expected 3 numbers in base64/,
    );
  });
}

for (const [what, [config, field]] of Object.entries(BROKEN)) {
  Deno.test(`scoreSettings() refuses ${what}`, () => {
    throws(() => scoreSettings(config, MODEL), (error) => {
      equal(error instanceof CheckpointError && error.key, field);
      return (error as Error).message.includes('"my-model/config.json"');
    });
  });
}

Deno.test("noneLabel() is what no class is called", () => {
  equal(noneLabel(["dog"]), "none");
  equal(noneLabel(["none", "dog"]), "none_of_these");
  equal(noneLabel(["none", "none_of_these"]), "none_of_these_of_these");
});
