import { equal } from "node:assert/strict";
import { startWasm } from "../../src/kernels/wasm/mod.ts";
import { logMelSpectrogram } from "../../models/make_backbone/yamnet.ts";
import { near } from "./near.ts";

const BANDS = 64;

Deno.test("logMelSpectrogram() has a frame for each 10 ms that fills a window of 25 ms", async () => {
  const device = await startWasm({ threads: 1 });
  const spectrogram = logMelSpectrogram(new Float32Array(15_600));
  equal(spectrogram.length, 96 * BANDS);
  near(spectrogram[0]!, Math.log(0.001));
  device.dispose();
});

Deno.test("logMelSpectrogram() finds a tone of 1 kHz in its band", async () => {
  const device = await startWasm({ threads: 1 });
  const tone = Float32Array.from({ length: 400 }, (_, i) => Math.sin(2 * Math.PI * i / 16));
  const frame = logMelSpectrogram(tone);
  const mels = (hz: number) => 1127 * Math.log(1 + hz / 700);
  const step = (mels(7500) - mels(125)) / (BANDS + 1);
  const band = Math.round((mels(1000) - mels(125)) / step) - 1;
  equal(frame.indexOf(Math.max(...frame)), band);
  device.dispose();
});
