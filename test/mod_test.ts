import { deepEqual } from "node:assert/strict";
import * as earshot from "../mod.ts";

/** What users of transformers, datasets and evaluate look for. */
const EXPECTED = [
  "AutoConfig",
  "AutoFeatureExtractor",
  "AutoModelForAudioClassification",
  "EarlyStoppingCallback",
  "Trainer",
  "TrainingArguments",
  "exportModel",
  "loadDataset",
  "pipeline",
  "pushToHub",
  "savePretrained",
];

/** How things are done here, which no user has to know. */
const INTERNAL = [
  "CLIP_ARGUMENTS",
  "argMax",
  "featureExtractorFromConfig",
  "fileBlob",
  "isDataset",
  "isUntouchedCard",
  "loadModel",
  "ofTable",
  "parseHubName",
];

Deno.test("mod.ts has what users of Hugging Face look for, and no internals", () => {
  const names = new Set(Object.keys(earshot));
  deepEqual(EXPECTED.filter((name) => !names.has(name)), []);
  deepEqual(INTERNAL.filter((name) => names.has(name)), []);
});
