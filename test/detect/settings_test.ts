import { deepEqual, equal, throws } from "node:assert/strict";
import { detectPlan, type DetectSettings } from "../../src/detect/mod.ts";

const MODEL = { labels: ["dog", "owl", "none"], rateHz: 1_000 };

Deno.test("detectPlan() takes the caller's word, then the model's, then the default", () => {
  const plain = detectPlan({}, MODEL);
  deepEqual([plain.windowSamples, plain.hopSamples, plain.lastWindow], [2_000, 500, "back"]);
  equal(plain.classes.length, 3);
  const config = {
    window_seconds: 1,
    hop_seconds: 0.1,
    threshold: { owl: 0.8 },
    off_threshold: 0.4,
    mean_windows: 5,
    median_windows: 3,
    min_event_seconds: 0.2,
    min_gap_seconds: 0.3,
    min_apart_seconds: 0.4,
    background_label: "none",
  };
  const plan = detectPlan({ hopSeconds: 0.25, threshold: undefined }, { ...MODEL, config });
  deepEqual(plan, {
    windowSamples: 1_000,
    hopSamples: 250,
    lastWindow: "back",
    meanWindows: 5,
    medianWindows: 3,
    minEventSamples: 200,
    minGapSamples: 300,
    minApartSamples: 400,
    classes: [{ index: 0, on: 0.5, off: 0.4 }, { index: 1, on: 0.8, off: 0.4 }],
  });
  const asked = detectPlan({ threshold: 0.3, ignoredLabels: [] }, { ...MODEL, config });
  deepEqual(asked.classes.map(({ on, off }) => [on, off]), [[0.3, 0.3], [0.3, 0.3], [0.3, 0.3]]);
  const listed = { ...config, background_label: ["none", "owl"] };
  deepEqual(detectPlan({}, { ...MODEL, config: listed }).classes.map(({ index }) => index), [0]);
});

Deno.test("detectPlan() refuses settings that make no sense", () => {
  const odd: [DetectSettings, RegExp][] = [
    [
      { windowSeconds: 0 },
      /^RangeError: Cannot detect: expected `windowSeconds` a number above 0, found 0$/,
    ],
    [{ hopSeconds: NaN }, /expected `hopSeconds` a number above 0/],
    [{ minGapSeconds: -1 }, /expected `minGapSeconds` a number of 0 or more, found -1/],
    [{ minApartSeconds: -1 }, /expected `minApartSeconds` a number of 0 or more, found -1/],
    [{ meanWindows: 4 }, /expected `meanWindows` an odd number, found 4/],
    [{ medianWindows: 2 }, /expected `medianWindows` an odd number, found 2/],
    [{ medianWindows: -1 }, /expected `medianWindows` an odd number, found -1/],
    [{ lastWindow: "cut" as "pad" }, /expected `lastWindow` "back" or "pad", found "cut"/],
    [
      { threshold: { cat: 1 } },
      /expected `threshold` labels of the model \(dog, owl, none\), found "cat"/,
    ],
    [{ threshold: "high" as unknown as number }, /expected `threshold` a number, or one by label/],
    [{ ignoredLabels: ["cat"] }, /expected `ignoredLabels` labels of the model/],
    [
      { threshold: 0.2, offThreshold: 0.3 },
      /expected `offThreshold` at most the threshold 0.2 of "dog"/,
    ],
  ];
  for (const [settings, message] of odd) throws(() => detectPlan(settings, MODEL), message);
});

Deno.test("detectPlan() names the field of a config that makes no sense", () => {
  const odd: [unknown, string, RegExp][] = [
    [{ window_seconds: "2" }, "earshot.detect.window_seconds", /a number above 0, found "2"$/],
    [{ background_label: "hum" }, "earshot.detect.background_label", /labels of the model/],
    [{ threshold: [1] }, "earshot.detect.threshold", /labels of the model/],
    [{ median_windows: 1.5 }, "earshot.detect.median_windows", /an odd number, found 1.5/],
  ];
  for (const [config, key, message] of odd) {
    throws(() => detectPlan({}, { ...MODEL, config, file: "a/config.json" }), {
      name: "CheckpointError",
      key,
      message,
    });
  }
});
