/**
 * What `scores_reference.py` has computed.
 *
 * @module
 */
import { ok } from "node:assert/strict";
import { readJson } from "../kit.ts";
import type { TargetedOutputs } from "../../src/heads/_fit_temperature.ts";

/** The content of the file. */
export interface ScoresReference {
  temperatures: (TargetedOutputs & {
    temperature: number;
    loss: number;
    vector: { temperature: number[]; bias: number[]; loss: number };
  })[];
  qualities: {
    confidences: number[];
    right: boolean[];
    bins: number;
    error: number;
    unknown: number[];
    known: number[];
    auroc: number;
  }[];
  thresholds: {
    scores: number[];
    targets: number[];
    f1: number;
    precision: number;
    recall: number;
  }[];
}

/** Reads it. */
export function scoresReference(): Promise<ScoresReference> {
  return readJson<ScoresReference>(new URL("scores_reference.json", import.meta.url).pathname);
}

/** Whether a number is as near another as is wanted. */
export function near(found: number, expected: number, within: number): void {
  ok(Math.abs(found - expected) <= within, `${found} for ${expected}`);
}
