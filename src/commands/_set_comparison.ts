/**
 * Two models on the same clips, each of which may have several labels.
 *
 * A score above a half claims its label, as in the metrics. How good a model is, is the share of clips whose labels are all
 * right, macro and micro F1, and the mean average precision; differences are tested by McNemar's test, for whole clips and
 * label by label, and by a bootstrap over clips that draws both models together.
 *
 * Source of the correction for many labels: Holm 1979, "A simple sequentially rejective multiple test procedure".
 *
 * @module
 */
import { DatasetError } from "../errors.ts";
import { type BootstrapOptions, resampledInterval } from "../train/metrics/bootstrap.ts";
import { type ClassMetrics, type EvalPrediction, perClass } from "../train/metrics/metrics.ts";
import {
  type McNemarTest,
  mcNemarTest,
  type PairedDifference,
  pairedDifference,
} from "../train/metrics/paired_tests.ts";
import { averagePrecision } from "../train/metrics/ranking_metrics.ts";
import { byFile, type MeasuredFigure, nothingInBoth, verdict } from "./_comparison.ts";
import { ofShare } from "./_intervals.ts";
import { table } from "./_output.ts";
import type { PredictedClip } from "./_predictions.ts";

/** A clip with its labels, and the scores that two models give it. */
export interface ComparedSet {
  file: string;
  labels: readonly string[];
  first: Readonly<Record<string, number>>;
  second: Readonly<Record<string, number>>;
}

/** What one model reached. */
export interface SetFigures {
  name: string;
  /** Share of clips whose labels are all right. */
  accuracy: MeasuredFigure;
  f1Macro: MeasuredFigure;
  f1Micro: MeasuredFigure;
  averagePrecision: MeasuredFigure;
  perClass: Record<string, ClassMetrics>;
}

/** McNemar's test of one label; `adjusted` is its chance among all labels. */
export interface LabelTest extends McNemarTest {
  adjusted: number;
}

/** A clip for which the two claim different labels. */
export interface ChangedSet {
  file: string;
  labels: string[];
  first: string[];
  second: string[];
}

/** How two models compare. */
export interface SetComparison {
  clips: number;
  first: SetFigures;
  second: SetFigures;
  accuracy: PairedDifference;
  /** Of clips whose labels are all right. */
  mcNemar: McNemarTest;
  f1Macro: PairedDifference;
  f1Micro: PairedDifference;
  averagePrecision: PairedDifference;
  /** By label: clips in which one model alone is right about it. */
  perLabel: Record<string, LabelTest>;
  changed: ChangedSet[];
}

/** A score above this claims its label. */
const THRESHOLD = 0.5;

/** So often clips are drawn; average precision sorts them each time. */
const DRAWS: BootstrapOptions = { resamples: 500 };

/**
 * The clips that two models both have, by their paths.
 *
 * @param labels of clips whose labels neither states.
 * @throws {DatasetError} where there is none, a clip is there twice, or is said to have other labels by the other.
 */
export function pairedSets(
  [first, second]: readonly [readonly PredictedClip[], readonly PredictedClip[]],
  names: readonly [string, string],
  labels: ReadonlyMap<string, readonly string[]> = new Map(),
): { clips: ComparedSet[]; unpaired: number } {
  const [one, other] = [byFile(first, names[0]), byFile(second, names[1])];
  const clips: ComparedSet[] = [];
  for (const [file, clip] of one) {
    const match = other.get(file);
    if (!match) continue;
    const stated = [clip.labels, match.labels, labels.get(file)]
      .flatMap((own) => own ? [[...own].sort()] : []);
    const [own, ...more] = stated;
    const stranger = more.find((labels) => labels.join("\n") !== own!.join("\n"));
    if (own === undefined || stranger) {
      throw new DatasetError(
        `Cannot compare "${file}": expected the same labels of both, found ${
          own === undefined ? "none stated" : `${quoted(own)} and ${quoted(stranger!)}`
        }`,
        {
          file,
          hint: own === undefined
            ? "Say with --data where the clips with their labels are"
            : undefined,
        },
      );
    }
    clips.push({ file, labels: own, first: scoresOf(clip), second: scoresOf(match) });
  }
  if (clips.length === 0) throw nothingInBoth([first, second], names);
  return { clips, unpaired: one.size + other.size - 2 * clips.length };
}

function scoresOf({ predictions }: PredictedClip): Record<string, number> {
  return Object.fromEntries(predictions.map(({ label, score }) => [label, score]));
}

/** Compares two models on clips of any number of labels each. */
export function setComparisonOf(
  clips: readonly ComparedSet[],
  [firstName, secondName]: readonly [string, string],
): SetComparison {
  const labels = [
    ...new Set(
      clips.flatMap(({ labels, first, second }) => [
        ...labels,
        ...Object.keys(first),
        ...Object.keys(second),
      ]),
    ),
  ].sort();
  const [first, second] = (["first", "second"] as const).map((side) =>
    sideOf(clips, labels, side)
  ) as [Side, Side];
  const figures = (name: string, side: Side): SetFigures => {
    const share = side.right.filter(Boolean).length / clips.length;
    return {
      name,
      accuracy: { value: share, ...ofShare(share, clips.length) },
      f1Macro: figureOf(side.f1Macro, clips.length),
      f1Micro: figureOf(side.f1Micro, clips.length),
      averagePrecision: figureOf(side.averagePrecision, clips.length),
      perClass: perClass(side.prediction, labels),
    };
  };
  const difference = (figure: (side: Side) => Figure) =>
    pairedDifference(clips.length, figure(first), figure(second), DRAWS);
  return {
    clips: clips.length,
    first: figures(firstName, first),
    second: figures(secondName, second),
    accuracy: difference(({ right }) => (places) =>
      places.reduce((sum, place) => sum + Number(right[place]), 0) / places.length
    ),
    mcNemar: mcNemarTest(first.right, second.right),
    f1Macro: difference(({ f1Macro }) => f1Macro),
    f1Micro: difference(({ f1Micro }) => f1Micro),
    averagePrecision: difference(({ averagePrecision }) => averagePrecision),
    perLabel: labelTests(labels, first, second),
    changed: clips.flatMap(({ file, labels: own, first, second }) => {
      const [one, other] = [claimed(first), claimed(second)];
      return one.join("\n") === other.join("\n")
        ? []
        : [{ file, labels: [...own], first: one, second: other }];
    }),
  };
}

/** A figure over clips by their places, some of them more than once. */
type Figure = (places: Int32Array) => number;

/** One model's scores, and its figures. */
interface Side {
  prediction: EvalPrediction;
  /** Whether each decision is right, clip by clip. Shape: `[clips, N]` */
  decisions: boolean[];
  /** Whether all of a clip are. */
  right: boolean[];
  f1Macro: Figure;
  f1Micro: Figure;
  averagePrecision: Figure;
}

function sideOf(
  clips: readonly ComparedSet[],
  names: readonly string[],
  side: "first" | "second",
): Side {
  const classes = names.length;
  const labels = Float32Array.from(
    clips.flatMap((clip) => names.map((name) => Number(clip.labels.includes(name)))),
  );
  // Metrics claim what is above 0.
  const logits = Float32Array.from(
    clips.flatMap((clip) => names.map((name) => (clip[side][name] ?? 0) - THRESHOLD)),
  );
  const decisions = Array.from(labels, (label, i) => label > 0.5 === logits[i]! > 0);
  return {
    prediction: { logits, labels, classes },
    decisions,
    right: clips.map((_, clip) =>
      decisions.slice(clip * classes, (clip + 1) * classes).every(Boolean)
    ),
    ...f1Figures({ logits, labels, classes }),
    averagePrecision: (places) => {
      const [drawn, own] = [
        new Float32Array(places.length * classes),
        new Float32Array(places.length * classes),
      ];
      places.forEach((place, i) => {
        drawn.set(logits.subarray(place * classes, (place + 1) * classes), i * classes);
        own.set(labels.subarray(place * classes, (place + 1) * classes), i * classes);
      });
      return averagePrecision({ logits: drawn, labels: own, classes });
    },
  };
}

/** F1 of labels that clips have or were taken for, each label alike or each decision. */
function f1Figures(
  { logits, labels, classes }: EvalPrediction,
): Pick<Side, "f1Macro" | "f1Micro"> {
  const counted = (places: Int32Array) => {
    const [right, either] = [new Int32Array(classes), new Int32Array(classes)];
    for (const place of places) {
      for (let i = 0; i < classes; i++) {
        const [own, taken] = [labels[place * classes + i]! > 0.5, logits[place * classes + i]! > 0];
        either[i]! += Number(own) + Number(taken);
        right[i]! += Number(own && taken);
      }
    }
    return { right, either };
  };
  return {
    f1Macro: (places) => {
      const { right, either } = counted(places);
      const present = Array.from(either.keys()).filter((i) => either[i]! > 0);
      return present.reduce((sum, i) => sum + 2 * right[i]! / either[i]!, 0) / present.length;
    },
    f1Micro: (places) => {
      const { right, either } = counted(places);
      const sum = (counts: Int32Array) => counts.reduce((a, b) => a + b, 0);
      return 2 * sum(right) / sum(either);
    },
  };
}

function figureOf(figure: Figure, clips: number): MeasuredFigure {
  const all = Int32Array.from({ length: clips }, (_, i) => i);
  return { value: figure(all), ...resampledInterval(clips, figure, DRAWS) };
}

/** McNemar's test for each label, and its chance among so many, after Holm. */
function labelTests(
  labels: readonly string[],
  first: Side,
  second: Side,
): Record<string, LabelTest> {
  const of = (side: Side, label: number) =>
    side.decisions.filter((_, i) => i % labels.length === label);
  const tests = labels.map((name, label) => ({
    name,
    test: mcNemarTest(of(first, label), of(second, label)),
  }));
  let least = 0;
  const adjusted = new Map(
    tests.toSorted((a, b) => a.test.p - b.test.p).map(({ name, test }, i) => {
      least = Math.max(least, Math.min(1, (labels.length - i) * test.p));
      return [name, least];
    }),
  );
  return Object.fromEntries(
    tests.map(({ name, test }) => [name, { ...test, adjusted: adjusted.get(name)! }]),
  );
}

function claimed(scores: Readonly<Record<string, number>>): string[] {
  return Object.keys(scores).filter((name) => scores[name]! > THRESHOLD).sort();
}

function quoted(labels: readonly string[]): string {
  return labels.length === 0 ? "no label" : labels.map((label) => `"${label}"`).join(" with ");
}

/** So many changed clips are listed. */
const MAX_CHANGED = 20;

/** Tables and sentences for people. */
export function setComparisonText(comparison: SetComparison): string {
  const { clips, first, second, mcNemar } = comparison;
  const figure = ({ value, low, high }: MeasuredFigure) =>
    `${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
  const row = (letter: string, own: SetFigures) => [
    `${letter}: ${own.name}`,
    figure(own.accuracy),
    figure(own.f1Macro),
    figure(own.f1Micro),
    figure(own.averagePrecision),
  ];
  const differences = DIFFERENCES.map(({ key }) => comparison[key]);
  const shown = differences.map(({ difference, low, high }) =>
    `${signed(difference)} (${signed(low)} to ${signed(high)})`
  );
  const chances = DIFFERENCES.slice(1).map(({ key, title }) =>
    `${title} ${shownP(comparison[key].p)}`
  );
  return [
    `${clips} clips, any number of labels each; intervals of 95 %`,
    table(["Model", ...DIFFERENCES.map(({ title }) => title)], [
      row("A", first),
      row("B", second),
      ["B - A", ...shown],
    ]),
    "",
    labelsTable(comparison),
    ...changedText(comparison),
    "",
    `All labels right: by A alone in ${mcNemar.firstOnly} clips, by B alone in ${mcNemar.secondOnly}; ` +
    `McNemar's exact test p = ${shownP(mcNemar.p)}`,
    `Paired bootstrap, p: ${chances.join(", ")}`,
    verdict(comparison),
  ].join("\n");
}

const DIFFERENCES = [
  { key: "accuracy", title: "All labels right" },
  { key: "f1Macro", title: "Macro F1" },
  { key: "f1Micro", title: "Micro F1" },
  { key: "averagePrecision", title: "Average precision" },
] as const;

function labelsTable({ first, second, perLabel }: SetComparison): string {
  const rows = Object.entries(perLabel).map(([label, { firstOnly, secondOnly, adjusted }]) => {
    const [own, other] = [first.perClass[label]!, second.perClass[label]!];
    const shares = [own.recall, other.recall, own.f1, other.f1].map((share) => share.toFixed(3));
    return [label, own.samples, ...shares, firstOnly, secondOnly, shownP(adjusted)];
  });
  return table(
    [
      "Label",
      "Clips",
      "Recall A",
      "Recall B",
      "F1 A",
      "F1 B",
      "A alone right",
      "B alone right",
      "p",
    ],
    rows,
  );
}

function changedText({ changed }: SetComparison): string[] {
  if (changed.length === 0) return ["", "No clip changed"];
  const list = (labels: readonly string[]) => labels.join(", ") || "-";
  const rows = changed.slice(0, MAX_CHANGED).map(({ file, labels, first, second }) => [
    file,
    list(labels),
    list(first),
    list(second),
  ]);
  const more = changed.length - rows.length;
  const rest = more > 0 ? [`and ${more} more, which --json lists`] : [];
  return ["", table(["Changed clip", "Labels", "A", "B"], rows), ...rest];
}

function shownP(p: number): string {
  return p < 0.0001 ? "< 0.0001" : p.toFixed(4);
}

function signed(value: number): string {
  return `${value > 0 ? "+" : ""}${value.toFixed(3)}`;
}
