import { deepEqual, equal, rejects } from "node:assert/strict";
import { SharedPass } from "../../edge/_shared_pass.ts";
import { pipeline } from "../../src/classify/pipeline.ts";
import type { ClipOutputs, ModelBatch } from "../../src/models/mod.ts";
import { encodeWav } from "../../src/audio/mod.ts";
import { tone } from "../tiny_model.ts";
import { serveCommand, whileRunning } from "./_processes.ts";

const MODEL = "models/voice_menu";

function batchOf(values: number[]): ModelBatch {
  return { inputValues: Float32Array.from(values), shape: [1, values.length] };
}

/** Gives each row back, and notes how many came at once. */
function echo(sizes: number[]) {
  return ({ inputValues, shape }: ModelBatch): Promise<ClipOutputs[]> => {
    const [clips, width] = shape as [number, number];
    sizes.push(clips);
    return Promise.resolve(Array.from({ length: clips }, (_, i) => {
      return { logits: inputValues.slice(i * width, (i + 1) * width) };
    }));
  };
}

Deno.test("SharedPass computes clips of one length at once, and others apart", async () => {
  const sizes: number[] = [];
  let isDone = false;
  const pass = new SharedPass(4, () => isDone = true);
  const clips = [[1, 2], [3, 4], [5, 6, 7]];
  const answers = clips.map((clip) => pass.share(batchOf(clip), echo(sizes)));
  deepEqual(sizes, []);
  pass.leave();
  const rows = (await Promise.all(answers)).map(([row]) => [...row!.logits]);
  deepEqual(rows, clips);
  deepEqual(sizes, [2, 1]);
  for (let i = 0; i < 3; i++) pass.leave();
  equal(isDone, true);
});

Deno.test("SharedPass fails all clips of a pass that fails", async () => {
  const pass = new SharedPass(2, () => {});
  const fail = () => Promise.reject(new RangeError("no memory"));
  const answers = [[1], [2]].map((clip) => pass.share(batchOf(clip), fail));
  for (const answer of answers) await rejects(answer, /no memory/);
});

Deno.test("serve gives the scores of each clip alone, to the bit, when many are asked for at once", async () => {
  const clips = Array.from({ length: 24 }, (_, i) => encodeWav(tone(8_000, i + 1), 8_000).slice());
  const classifier = await pipeline("audio-classification", MODEL);
  const alone: unknown[] = [];
  for (const clip of clips) alone.push(await classifier(clip));
  classifier.dispose();
  await whileRunning(serveCommand(MODEL, ["--port", "0"]), async (url) => {
    const answers = await Promise.all(clips.map(async (body) => {
      return await (await fetch(url, { method: "POST", body })).json();
    }));
    deepEqual(answers, alone);
  });
});
