/**
 * What a bench is to its runner: a question with options, that is answered row by row.
 *
 * @module
 */
import type { Options, OptionSpecs } from "./_options.ts";
import type { BenchRow } from "./_rows.ts";

/** A bench. */
export interface Question {
  /** The question in a line. */
  asks: string;
  options: OptionSpecs;
  /** Measures; rows are printed as they come. */
  answer(options: Options, notes: Notes): AsyncIterable<BenchRow>;
}

/** What a bench says beside its rows. */
export interface Notes {
  /** A line between the rows. */
  line(text: string): void;
  /** What is being measured now, shown until the next row; an empty text clears it. */
  progress(text: string): void;
}
