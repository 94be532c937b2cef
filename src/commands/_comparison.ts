/**
 * Two models on the same clips: how good each is, by how much they differ, whether that can be chance, and on which clips.
 *
 * @module
 */
import { DatasetError } from "../errors.ts";
import type { Interval } from "../train/metrics/bootstrap.ts";
import { type ClassMetrics, perClass } from "../train/metrics/metrics.ts";
import {
  type McNemarTest,
  mcNemarTest,
  type PairedDifference,
  pairedDifference,
} from "../train/metrics/paired_tests.ts";
import { macroF1, ofShare } from "./_intervals.ts";
import { table } from "./_output.ts";
import type { PredictedClip } from "./_predictions.ts";
import { resampledInterval } from "../train/metrics/bootstrap.ts";

/** A clip as both models had it. */
export interface ComparedClip {
  file: string;
  label: string;
  /** What the first took it for. */
  first: string;
  /** What the second took it for. */
  second: string;
}

/** A figure of one model. */
export interface MeasuredFigure extends Interval {
  value: number;
}

/** What one model reached. */
export interface ModelFigures {
  name: string;
  accuracy: MeasuredFigure;
  f1Macro: MeasuredFigure;
  perClass: Record<string, ClassMetrics>;
}

/** How two models compare. */
export interface Comparison {
  clips: number;
  first: ModelFigures;
  second: ModelFigures;
  /** How much more the second has right, and how often one alone is right. */
  accuracy: PairedDifference;
  mcNemar: McNemarTest;
  f1Macro: PairedDifference;
  /** Clips that the two take for different classes. */
  changed: ComparedClip[];
}

/** The same clips of two models. */
export interface PairedClips {
  clips: ComparedClip[];
  /** Clips that one of them alone has. */
  unpaired: number;
}

/**
 * The clips that two models both have, by their paths.
 *
 * @param labels of clips whose label neither states.
 * @throws {DatasetError} where there is none, a clip is there twice, has two labels, or none.
 */
export function pairedClips(
  [first, second]: readonly [readonly PredictedClip[], readonly PredictedClip[]],
  names: readonly [string, string],
  labels: ReadonlyMap<string, string> = new Map(),
): PairedClips {
  const [one, other] = [byFile(first, names[0]), byFile(second, names[1])];
  const clips: ComparedClip[] = [];
  for (const [file, clip] of one) {
    const match = other.get(file);
    if (!match) continue;
    const stated = [clip.label, match.label, labels.get(file)].filter((label) =>
      label !== undefined
    );
    const [label, ...more] = new Set(stated);
    if (label === undefined || more.length > 0) {
      const found = label === undefined
        ? "none"
        : [label, ...more].map((own) => `"${own}"`).join(" and ");
      throw new DatasetError(`Cannot compare "${file}": expected one label, found ${found}`, {
        file,
        hint: label === undefined
          ? "Say with --data where the clips with their labels are"
          : undefined,
      });
    }
    const taken = ({ predictions }: PredictedClip) => predictions[0]!.label;
    clips.push({ file, label, first: taken(clip), second: taken(match) });
  }
  if (clips.length > 0) return { clips, unpaired: one.size + other.size - 2 * clips.length };
  throw nothingInBoth([first, second], names);
}

/** Of two models that were measured on other clips. */
export function nothingInBoth(
  [first, second]: readonly [readonly PredictedClip[], readonly PredictedClip[]],
  [firstName, secondName]: readonly [string, string],
): DatasetError {
  return new DatasetError(
    `Cannot compare "${firstName}" and "${secondName}": expected the same clips, found none in both, ` +
      `"${first[0]!.file}" and "${second[0]!.file}" for example`,
  );
}

/** Clips by their paths; each is to be there once. */
export function byFile(clips: readonly PredictedClip[], name: string): Map<string, PredictedClip> {
  const found = new Map<string, PredictedClip>();
  for (const clip of clips) {
    if (found.has(clip.file)) {
      throw new DatasetError(
        `Cannot compare "${name}": expected each clip once, found "${clip.file}" twice`,
        {
          file: clip.file,
        },
      );
    }
    found.set(clip.file, clip);
  }
  return found;
}

/** Compares two models on clips of one label each. */
export function comparisonOf(
  clips: readonly ComparedClip[],
  [firstName, secondName]: readonly [string, string],
): Comparison {
  const names = [...new Set(clips.flatMap(({ label, first, second }) => [label, first, second]))];
  const labels = names.filter((name) => clips.some(({ label }) => label === name)).sort();
  const classes = [...labels, ...names.filter((name) => !labels.includes(name))];
  const numbers = new Map(classes.map((name, number) => [name, number]));
  const numbered = (key: "label" | "first" | "second") =>
    Int32Array.from(clips, (clip) => numbers.get(clip[key])!);
  const [own, first, second] = [numbered("label"), numbered("first"), numbered("second")];
  const right = (claimed: Int32Array) => Array.from(claimed, (taken, i) => taken === own[i]);
  const f1 = (claimed: Int32Array) => macroF1(own, claimed, classes.length);
  const figures = (name: string, claimed: Int32Array): ModelFigures => ({
    name,
    accuracy: accuracyOf(right(claimed)),
    f1Macro: figureOf(f1(claimed), clips.length),
    perClass: perClass(asPrediction(own, claimed, classes.length), classes),
  });
  return {
    clips: clips.length,
    first: figures(firstName, first),
    second: figures(secondName, second),
    accuracy: pairedDifference(clips.length, shareOf(right(first)), shareOf(right(second))),
    mcNemar: mcNemarTest(right(first), right(second)),
    f1Macro: pairedDifference(clips.length, f1(first), f1(second)),
    changed: clips.filter((clip) => clip.first !== clip.second),
  };
}

function shareOf(right: readonly boolean[]): (places: Int32Array) => number {
  return (places) => places.reduce((sum, place) => sum + Number(right[place]), 0) / places.length;
}

function accuracyOf(right: readonly boolean[]): MeasuredFigure {
  const value = right.filter(Boolean).length / right.length;
  return { value, ...ofShare(value, right.length) };
}

function figureOf(figure: (places: Int32Array) => number, clips: number): MeasuredFigure {
  const all = Int32Array.from({ length: clips }, (_, i) => i);
  return { value: figure(all), ...resampledInterval(clips, figure) };
}

/** Scores of 1 for what a clip was taken for. */
function asPrediction(labels: Int32Array, claimed: Int32Array, classes: number) {
  const logits = new Float32Array(claimed.length * classes);
  claimed.forEach((taken, i) => logits[i * classes + taken] = 1);
  return { logits, classes, labels };
}

/** A difference that comes by chance less often is one. */
const SIGNIFICANT = 0.05;

/** So many changed clips are listed. */
const MAX_CHANGED = 20;

/** Tables and sentences for people. */
export function comparisonText(comparison: Comparison): string {
  const { first, second, clips, accuracy, f1Macro, mcNemar } = comparison;
  const row = (letter: string, { name, accuracy: own, f1Macro: f1 }: ModelFigures) => [
    `${letter}: ${name}`,
    `${percent(own.value)} % (${percent(own.low)} to ${percent(own.high)})`,
    `${f1.value.toFixed(3)} (${f1.low.toFixed(3)} to ${f1.high.toFixed(3)})`,
  ];
  const difference = [
    "B - A",
    `${signed(100 * accuracy.difference, 2)} (${signed(100 * accuracy.low, 2)} to ${
      signed(100 * accuracy.high, 2)
    })`,
    `${signed(f1Macro.difference, 3)} (${signed(f1Macro.low, 3)} to ${signed(f1Macro.high, 3)})`,
  ];
  const heading = ["Model", "Accuracy (95 % interval)", "Macro F1 (95 % interval)"];
  return [
    `${clips} clips`,
    table(heading, [row("A", first), row("B", second), difference]),
    "",
    classesTable(comparison),
    ...changedText(comparison),
    "",
    `Accuracy: A alone is right in ${mcNemar.firstOnly} clips, B alone in ${mcNemar.secondOnly}; ` +
    `McNemar's exact test p = ${shownP(mcNemar.p)}`,
    `Macro F1: paired bootstrap p = ${shownP(f1Macro.p)}`,
    verdict(comparison),
  ].join("\n");
}

function classesTable({ first, second }: Comparison): string {
  const rows = Object.entries(first.perClass).map(([label, own]) => {
    const other = second.perClass[label]!;
    const shares = [own.recall, other.recall, own.f1, other.f1].map((share) => share.toFixed(3));
    return [label, own.samples, ...shares, signed(other.f1 - own.f1, 3)];
  });
  return table(["Class", "Clips", "Recall A", "Recall B", "F1 A", "F1 B", "F1 B - A"], rows);
}

function changedText({ changed }: Comparison): string[] {
  if (changed.length === 0) return ["", "No clip changed"];
  const rows = changed.slice(0, MAX_CHANGED).map(({ file, label, first, second }) => [
    file,
    label,
    first,
    second,
    second === label ? "better" : first === label ? "worse" : "both wrong",
  ]);
  const more = changed.length - rows.length;
  const rest = more > 0 ? [`and ${more} more, which --json lists`] : [];
  return ["", table(["Changed clip", "Label", "A", "B", ""], rows), ...rest];
}

/** What the tests say, in words. */
export function verdict(
  { first, second, accuracy, mcNemar: { p, firstOnly, secondOnly } }:
    & Pick<Comparison, "accuracy" | "mcNemar">
    & { first: { name: string }; second: { name: string } },
): string {
  if (firstOnly + secondOnly === 0) return "Both have the same clips right: no difference was seen";
  const chance = `${(100 * p).toPrecision(2)} % of the time`;
  if (p < SIGNIFICANT) {
    const better = accuracy.difference > 0 ? `B (${second.name})` : `A (${first.name})`;
    return `${better} has more right: of two equally good models a difference as large would be seen ${chance}`;
  }
  return "The difference can be chance: of two equally good models one as large would be seen " +
    chance;
}

function shownP(p: number): string {
  return p < 0.0001 ? "< 0.0001" : p.toFixed(4);
}

function percent(share: number): string {
  return (100 * share).toFixed(2);
}

function signed(value: number, digits: number): string {
  return `${value > 0 ? "+" : ""}${value.toFixed(digits)}`;
}
