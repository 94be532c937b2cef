import { deepEqual, equal, ok } from "node:assert/strict";
import {
  bandEnergies,
  kaldiBank,
  type MelBank,
  type MelBankOptions,
  slaneyBank,
} from "../../src/features/_mel.ts";
import { hannWindow } from "../../src/features/_spectrogram.ts";
import { assertAllClose } from "../compare.ts";
import { kitTest } from "../kit.ts";
import { goldenFeatures } from "./golden_runs.ts";

const AST: MelBankOptions = {
  bands: 128,
  bins: 257,
  samplingRate: 16_000,
  minHz: 20,
  maxHz: 8000,
};

function whisper(bands: number): MelBankOptions {
  return { bands, bins: 201, samplingRate: 16_000, minHz: 0, maxHz: 8000 };
}

/** What each frequency alone gives to each band. Shape: `[bins, bands]`. */
function dense(bank: MelBank, bins: number): Float32Array {
  const weights = new Float32Array(bins * bank.bands);
  for (let bin = 0; bin < bins; bin++) {
    const power = new Float64Array(bins);
    power[bin] = 1;
    bandEnergies(bank, power, weights.subarray(bin * bank.bands, (bin + 1) * bank.bands));
  }
  return weights;
}

kitTest("the filter banks equal those of transformers", async () => {
  const golden = await goldenFeatures();
  const cases = [
    ["ast.mel_filters", kaldiBank(AST), 257],
    ["whisper.80.mel_filters", slaneyBank(whisper(80)), 201],
    ["whisper.128.mel_filters", slaneyBank(whisper(128)), 201],
  ] as const;
  for (const [name, bank, bins] of cases) {
    const actual = { shape: [bins, bank.bands], values: dense(bank, bins) };
    assertAllClose(actual, golden.get(name)!, { atol: 1e-7, label: name });
  }
});

kitTest("hannWindow() equals the window of AST in transformers", async () => {
  const golden = await goldenFeatures();
  assertAllClose(hannWindow(400, 399), golden.get("ast.window")!.values, { atol: 1e-7 });
});

Deno.test("hannWindow() ends at 0 or goes on around, by its period", () => {
  assertAllClose(hannWindow(5, 4), [0, 0.5, 1, 0.5, 0], { atol: 1e-15 });
  assertAllClose(hannWindow(4, 4), [0, 0.5, 1, 0.5], { atol: 1e-15 });
});

Deno.test("kaldiBank() leaves a band between two frequencies empty", () => {
  const bank = kaldiBank(AST);
  equal(bank.offsets[3], bank.offsets[4]);
  const energies = new Float32Array(128);
  bandEnergies(bank, new Float64Array(257).fill(1), energies);
  deepEqual([...energies.keys()].filter((band) => energies[band] === 0), [3]);
});

Deno.test("kaldiBank() gives each frequency one share in all, between the first and last peak", () => {
  const bank = kaldiBank({ ...AST, bands: 10 });
  const weights = dense(bank, 257);
  for (let bin = 12; bin < 200; bin++) {
    const sum = weights.subarray(bin * 10, (bin + 1) * 10).reduce((a, b) => a + b);
    ok(Math.abs(sum - 1) < 1e-6, `${sum} at ${bin}`);
  }
});

Deno.test("slaneyBank() gives each band the same area", () => {
  const bank = slaneyBank({ ...whisper(20), bins: 8001 });
  const energies = new Float32Array(20);
  bandEnergies(bank, new Float64Array(8001).fill(1), energies);
  assertAllClose(energies, new Float32Array(20).fill(1), { atol: 1e-4 });
});

Deno.test("slaneyBank() is deaf above half the rate", () => {
  const bank = slaneyBank({ ...whisper(80), samplingRate: 8000 });
  const energies = new Float32Array(80);
  bandEnergies(bank, new Float64Array(201).fill(1), energies);
  ok(energies[50]! > 0);
  equal(energies[79], 0);
});
