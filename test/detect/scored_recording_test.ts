/**
 * Events from kept scores are those that a detection finds.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createClassifier } from "../../src/classify/pipeline.ts";
import { detectPlan, eventsOfScores, type WindowScores } from "../../src/detect/mod.ts";
import { useDevice } from "../../src/devices.ts";
import { Random } from "../../src/random.ts";
import { tinyExtractor, tinyModel } from "../tiny_model.ts";

Deno.test("eventsOfScores() finds what detect() finds, for whole hops and for a rest", async () => {
  const device = await useDevice({ backend: "wasm", threads: 1 });
  const classifier = createClassifier(await tinyModel(), tinyExtractor());
  const random = new Random(1);
  const base = { windowSeconds: 0.5, hopSeconds: 0.1, threshold: 0.25, offThreshold: 0.2 };
  const cases = [
    { samples: 40_000, settings: base },
    { samples: 41_234, settings: base },
    {
      samples: 41_234,
      settings: {
        ...base,
        meanWindows: 3,
        minApartSeconds: 0.05,
        threshold: 0.26,
        offThreshold: 0.25,
      },
    },
  ];
  for (const { samples, settings } of cases) {
    const sound = Float32Array.from({ length: samples }, (_, i) => {
      return random.normal() * Math.sin(i / 3_000) ** 8;
    });
    const windows: WindowScores[] = [];
    const options = { ...settings, samplingRate: 8_000, onScores: windows.push.bind(windows) };
    const blocks = (async function* () {
      yield await Promise.resolve(sound);
    })();
    const events = await Array.fromAsync(classifier.detect(blocks, options));
    const ended = events.filter(({ state }) => state === "ended")
      .map(({ state: _, ...event }) => event).sort((a, b) => a.start - b.start);
    const { labels } = classifier;
    const plan = detectPlan(settings, { labels, rateHz: 8_000 });
    assert.ok(ended.length > 2);
    assert.deepEqual(eventsOfScores({ windows, labels, rateHz: 8_000 }, plan), ended);
  }
  classifier.dispose();
  device.dispose();
});

Deno.test("eventsOfScores() of no window is nothing", () => {
  const plan = detectPlan({}, { labels: ["a"], rateHz: 8_000 });
  assert.deepEqual(eventsOfScores({ windows: [], labels: ["a"], rateHz: 8_000 }, plan), []);
});
