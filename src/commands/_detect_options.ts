/**
 * How sound that goes on is heard, as options of the command line; what is not given is the model's, or the default.
 *
 * @module
 */
import type { DetectSettings } from "../detect/mod.ts";
import type { OptionSpecs, OptionValues } from "./_arguments.ts";

/** The options. */
export const DETECT_OPTIONS = {
  "window-seconds": {
    kind: "number",
    min: 0.01,
    help: "length of a window (the model's, else 2)",
  },
  "hop-seconds": {
    kind: "number",
    min: 0.001,
    help: "from a window to the next (the model's, else 0.5)",
  },
  threshold: {
    kind: "number",
    help: "score from which a class is heard (the model's, else 0.5)",
  },
  "off-threshold": {
    kind: "number",
    help: "score below which it no longer is (the threshold)",
  },
  "median-windows": {
    kind: "number",
    whole: true,
    min: 1,
    help: "median filter over so many windows, an odd number (1)",
  },
  "min-event-seconds": {
    kind: "number",
    min: 0,
    help: "leave out events that are shorter (0)",
  },
  "min-gap-seconds": {
    kind: "number",
    min: 0,
    help: "join events of a class that are nearer (0)",
  },
} as const satisfies OptionSpecs;

/** The settings among the options. */
export function detectSettings(options: OptionValues<typeof DETECT_OPTIONS>): DetectSettings {
  return {
    windowSeconds: options["window-seconds"],
    hopSeconds: options["hop-seconds"],
    threshold: options.threshold,
    offThreshold: options["off-threshold"],
    medianWindows: options["median-windows"],
    minEventSeconds: options["min-event-seconds"],
    minGapSeconds: options["min-gap-seconds"],
  };
}
