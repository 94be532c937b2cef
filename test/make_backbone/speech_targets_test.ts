import { deepEqual, equal, ok } from "node:assert/strict";
import { Random } from "../../src/random.ts";
import { SPEECH_EMBEDDING_SIZE } from "../../models/make_backbone/speech_embedding.ts";
import {
  atTokens,
  meanOver,
  sentencePiece,
  wordPiece,
} from "../../models/make_backbone/speech_targets.ts";

/** Windows whose numbers are their time in samples, 80 ms apart. */
function clock(windows: number): Float32Array {
  return Float32Array.from(
    { length: windows * SPEECH_EMBEDDING_SIZE },
    (_, i) => 1280 * Math.floor(i / SPEECH_EMBEDDING_SIZE),
  );
}

Deno.test("meanOver() takes the windows around what is loud, to the end of a recording", () => {
  // Frames 10 and 60 have their middles at 1800 and 9800 samples, from window 1 to 8.
  equal(meanOver(clock(20), [10, 60])[0], 1280 * 4.5);
  equal(meanOver(clock(4), [10, 60])[95], 1280 * 2);
});

/** All of 600 frames. */
const ALL = [0, 600] as const;

Deno.test("atTokens() gives each token what is in its middle, at another speed too", () => {
  const grid = { size: 40, stride: 10, count: 13 };
  const place = { first: 30, frames: 50, tempo: 1.5, said: [30, 105] as const };
  const { targets, mask } = atTokens(clock(40), place, grid);
  deepEqual([...mask], [0, 0, 0, 0, ...Array(9).fill(1)]);
  for (let token = 0; token < 4; token++) {
    const middle = 160 * (30 + 1.5 * (10 * token + 19.5)) + 200;
    equal(Math.round(targets[token * SPEECH_EMBEDDING_SIZE]!), middle);
  }
});

Deno.test("atTokens() holds the last window behind the end", () => {
  const grid = { size: 40, stride: 10, count: 2 };
  const { targets } = atTokens(clock(2), { first: 0, frames: 60, tempo: 1, said: ALL }, grid);
  equal(targets[SPEECH_EMBEDDING_SIZE], 1280);
});

Deno.test("atTokens() teaches nothing near the ends of what was cut out of a sentence", () => {
  const grid = { size: 1, stride: 10, count: 12 };
  const masks = ([first, end]: readonly [number, number]) =>
    atTokens(clock(60), { first, frames: end - first, tempo: 1, said: [20, 400] }, grid).mask;
  deepEqual([...masks([100, 200])], [1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
  deepEqual([...masks([20, 120])], [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1]);
  deepEqual([...masks([300, 400])], [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
});

Deno.test("wordPiece() keeps all that is loud, or says that it does not", () => {
  const random = new Random(3);
  for (let draw = 0; draw < 300; draw++) {
    const { first, end, said, isWhole } = wordPiece([30, 80], { frames: 100, most: 90, random });
    ok(first >= 0 && end <= 100 && end - first <= 91 && first <= said[0] && said[1] <= end);
    deepEqual([said, isWhole], [[30, 80], true]);
  }
  const part = wordPiece([30, 80], { frames: 100, most: 40, random });
  ok(part.first >= 30 && part.end <= 80 && part.end - part.first === 40 && !part.isWhole);
});

Deno.test("sentencePiece() is of the most that fits, within what was said", () => {
  const random = new Random(3);
  for (let draw = 0; draw < 300; draw++) {
    const { first, end, isWhole } = sentencePiece([20, 400], { most: 133.5, random });
    ok(first >= 20 && end <= 400 && end - first === 133 && !isWhole);
  }
  deepEqual(sentencePiece([5, 15], { most: 133, random }), {
    ...{ first: 5, end: 15, said: [5, 15], isWhole: true },
  });
});
