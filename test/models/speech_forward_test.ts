import assert from "node:assert/strict";
import type { Tensor } from "@tensorflow/tfjs-core";
import { add } from "../../src/kernels.ts";
import { ConfigReader } from "../../src/models/_config_reader.ts";
import { type EncodeOptions, speechForward } from "../../src/models/_speech_forward.ts";
import { wav2vec2, type Wav2Vec2Params } from "../../src/models/wav2vec2.ts";
import { freshReader, layerTest, noiseTensor, numbers } from "../layers/_layer_case.ts";
import { TINY_SPEECH } from "./_architecture_case.ts";

async function tinyParams(): Promise<Wav2Vec2Params> {
  const config = wav2vec2.parseConfig(new ConfigReader(TINY_SPEECH, "config.json"), 3);
  return await wav2vec2.load(freshReader(), config);
}

/** A pass whose transformer doubles, and what that was given. */
function doubling() {
  const given: { frames: number[]; lengths?: number[] }[] = [];
  const encode = (_: Wav2Vec2Params, frames: Tensor, { lengths }: EncodeOptions) => {
    given.push({ frames: numbers(frames), lengths: lengths && numbers(lengths) });
    const last = add(frames, frames);
    return { states: [frames, last], last };
  };
  return { given, forward: speechForward(encode) };
}

layerTest("speechForward() gives the transformer lengths, and zeros for padding", async () => {
  const { given, forward } = doubling();
  const params = await tinyParams();
  const inputs = noiseTensor([2, 200]);
  forward(params, { inputs, lengths: Int32Array.of(200, 120) }, {});
  forward(params, { inputs }, {});
  const [padded, whole] = given;
  assert.deepEqual([padded!.lengths, whole!.lengths], [[19, 11], undefined]);
  const firstOfPadding = (19 + 11) * params.config.hidden_size;
  padded!.frames.forEach((value, i) => {
    assert.equal(value, i < firstOfPadding ? whole!.frames[i] : 0);
  });
});

layerTest(
  "speechForward() classifies what the transformer gives, and shows it when asked",
  async () => {
    const { forward } = doubling();
    const params = await tinyParams();
    const inputs = noiseTensor([2, 200]);
    const plain = forward(params, { inputs }, {});
    assert.deepEqual(Object.keys(plain).sort(), ["logits", "pooled"]);
    const shown = forward(params, { inputs }, { outputHiddenStates: true });
    assert.deepEqual(numbers(shown.logits), numbers(plain.logits));
    assert.deepEqual([shown.logits.shape, shown.convFeatures!.shape], [[2, 3], [2, 19, 6]]);
    const [first, second] = shown.hiddenStates!;
    assert.deepEqual(numbers(second!), numbers(first!).map((value) => 2 * value));
    assert.equal(shown.lastHiddenState, second);
  },
);
