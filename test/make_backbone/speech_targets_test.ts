import { deepEqual, equal, ok } from "node:assert/strict";
import { Random } from "../../src/random.ts";
import { SPEECH_EMBEDDING_SIZE } from "../../models/make_backbone/speech_embedding.ts";
import {
  atPlaces,
  atTokens,
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

Deno.test("atPlaces() reads between windows, evenly over what is said", () => {
  const found = atPlaces(clock(20), [10, 60]);
  const times = Array.from({ length: 5 }, (_, place) => found[place * SPEECH_EMBEDDING_SIZE]!);
  // From sample 1600, where frame 10 begins, to 9840, where frame 59 ends.
  deepEqual(times.map(Math.round), [2424, 4072, 5720, 7368, 9016]);
});

Deno.test("atTokens() gives each token what is in its middle, at another speed too", () => {
  const grid = { size: 40, stride: 10, count: 13 };
  const { targets, mask } = atTokens(clock(40), { first: 30, frames: 50, tempo: 1.5 }, grid);
  deepEqual([...mask], [0, 0, 0, 0, ...Array(9).fill(1)]);
  for (let token = 0; token < 4; token++) {
    const middle = 160 * (30 + 1.5 * (10 * token + 19.5)) + 200;
    equal(Math.round(targets[token * SPEECH_EMBEDDING_SIZE]!), middle);
  }
});

Deno.test("atTokens() holds the last window behind the end", () => {
  const grid = { size: 40, stride: 10, count: 2 };
  const { targets } = atTokens(clock(2), { first: 0, frames: 60, tempo: 1 }, grid);
  equal(targets[SPEECH_EMBEDDING_SIZE], 1280);
});

Deno.test("wordPiece() keeps all that is loud, or says that it does not", () => {
  const random = new Random(3);
  let parts = 0;
  for (let draw = 0; draw < 300; draw++) {
    const { first, end, said, isWhole } = wordPiece([30, 80], { frames: 100, most: 90, random });
    ok(first >= 0 && end <= 100 && end - first <= 91 && first <= said[0] && said[1] <= end);
    if (isWhole) deepEqual(said, [30, 80]);
    else parts++;
  }
  ok(parts > 30 && parts < 150, `${parts} parts`);
});

Deno.test("sentencePiece() stays within what was said, and within the most that fits", () => {
  const random = new Random(3);
  for (let draw = 0; draw < 300; draw++) {
    const { first, end, isWhole } = sentencePiece([20, 400], { most: 133, random });
    ok(first >= 20 && end <= 400 && end - first >= 25 && end - first <= 133 && !isWhole);
  }
  const { first, end } = sentencePiece([5, 15], { most: 133, random });
  deepEqual([first, end], [5, 15]);
});
