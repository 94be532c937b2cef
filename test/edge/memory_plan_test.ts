import { equal, ok } from "node:assert/strict";
import { bodyLimits, memoryFor, tensorBytesOf, workersFor } from "../../edge/memory_plan.ts";
import { longestClip } from "../../edge/warm_up.ts";
import { pipeline } from "../../src/classify/pipeline.ts";
import { planMemory, takePeakBytes } from "../../src/kernels/wasm/peak_memory.ts";
import { fakeClassifier } from "./_served.ts";

const MB = 2 ** 20;

Deno.test("workersFor() gives a thread to each core, as far as there is memory", () => {
  equal(workersFor({ memoryBytes: 4_096 * MB, weightBytes: 100 * MB, most: 4 }), 4);
  equal(workersFor({ memoryBytes: 700 * MB, weightBytes: 100 * MB, most: 4 }), 2);
  equal(workersFor({ memoryBytes: 64 * MB, weightBytes: 100 * MB, most: 4 }), 1);
});

Deno.test("memoryFor() gives what one thread needs, and bodies leave it that", () => {
  for (const weightBytes of [1, 10, 95, 380].map((size) => size * MB)) {
    const memoryBytes = memoryFor(weightBytes);
    ok(tensorBytesOf(memoryBytes, 1) > 1.2 * weightBytes + 8 * MB);
    equal(workersFor({ memoryBytes, weightBytes, most: 8 }), 1);
    const { maxBodiesBytes, maxBodyBytes, maxSessions, maxAheadBytes } = bodyLimits(memoryBytes);
    ok(maxBodiesBytes < memoryBytes - tensorBytesOf(memoryBytes, 1));
    // They stand there more than twice: as they came, as one, and in the thread.
    ok(2.5 * maxBodiesBytes <= (memoryBytes - 88 * MB) / 5 + 3);
    ok(maxBodyBytes <= maxBodiesBytes);
    ok(maxSessions * maxAheadBytes <= maxBodiesBytes + maxSessions);
  }
});

Deno.test("longestClip() finds the longest that fits, and what is computed keeps to it", async () => {
  const classifier = await pipeline("audio-classification", "models/voice_menu");
  const most = { maxSeconds: 60 };
  equal(await longestClip(classifier, most), 60);
  const tensorBytes = 16 * MB;
  const seconds = await longestClip(classifier, { ...most, tensorBytes });
  ok(seconds > 2 && seconds < 60, String(seconds));
  const samples = { samples: new Float32Array(seconds * 8_000), samplingRate: 8_000 };
  const plan = await planMemory(() => classifier(samples));
  takePeakBytes();
  await classifier(samples);
  equal(takePeakBytes(), plan!.peakBytes);
  ok(plan!.peakBytes <= tensorBytes);
  classifier.dispose();
});

Deno.test("longestClip() says nothing of a model that takes no silence", async () => {
  const refusing = fakeClassifier([], () => Promise.reject(new TypeError("no")));
  equal(await longestClip(refusing, { maxSeconds: 60, tensorBytes: MB }), 60);
});
