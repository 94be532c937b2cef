/**
 * Precision, recall and F1 from counts, by class and over all of them.
 *
 * @module
 */

/** What was found, what was not, and what was found without being there. */
export interface DetectionCounts {
  /** There and detected. */
  truePositives: number;
  /** Only detected. */
  falsePositives: number;
  /** Only there. */
  falseNegatives: number;
}

/** Counts, and what follows from them; NaN where nothing is divided by nothing. */
export interface DetectionF1 extends DetectionCounts {
  /** Share of what was detected that is there. */
  precision: number;
  /** Share of what is there that was detected. */
  recall: number;
  /** Their harmonic mean: 2 TP / (2 TP + FP + FN). */
  f1: number;
}

/** F1 of a detection. */
export interface F1Measures {
  /** From the counts of all classes together: what is frequent weighs more. */
  micro: DetectionF1;
  /** The mean of the F1 of each class that is annotated somewhere; NaN where none is. */
  macroF1: number;
  /** In the order of the alphabet, with classes that were only detected. */
  perClass: Record<string, DetectionF1>;
}

/** What is to be counted by class. */
export class ClassCounts {
  readonly #counts = new Map<string, DetectionCounts>();

  /** Adds to the counts of a class. */
  add(label: string, added: DetectionCounts): void {
    this.#counts.set(label, sumOf([this.#counts.get(label) ?? NOTHING, added]));
  }

  /** What the counts come to. */
  measures(): F1Measures {
    const inOrder = [...this.#counts].sort(([a], [b]) => a < b ? -1 : 1);
    const annotated = inOrder.map(([, counts]) => counts)
      .filter(({ truePositives, falseNegatives }) => truePositives + falseNegatives > 0)
      .map((counts) => f1Of(counts).f1);
    return {
      micro: f1Of(sumOf([NOTHING, ...this.#counts.values()])),
      macroF1: annotated.reduce((sum, f1) => sum + f1, 0) / annotated.length,
      perClass: Object.fromEntries(inOrder.map(([label, counts]) => [label, f1Of(counts)])),
    };
  }
}

const NOTHING: DetectionCounts = { truePositives: 0, falsePositives: 0, falseNegatives: 0 };

function sumOf(counts: readonly DetectionCounts[]): DetectionCounts {
  const sum = (name: keyof DetectionCounts) => {
    return counts.reduce((total, one) => total + one[name], 0);
  };
  return {
    truePositives: sum("truePositives"),
    falsePositives: sum("falsePositives"),
    falseNegatives: sum("falseNegatives"),
  };
}

function f1Of(counts: DetectionCounts): DetectionF1 {
  const { truePositives: found, falsePositives, falseNegatives } = counts;
  return {
    ...counts,
    precision: found / (found + falsePositives),
    recall: found / (found + falseNegatives),
    f1: 2 * found / (2 * found + falsePositives + falseNegatives),
  };
}
