/**
 * The parts of a model that shares a backbone with others and has a head of its own.
 *
 * @module
 */
import { CheckpointError } from "../errors.ts";
import { disposeWeight } from "../kernels.ts";
import { ParameterReader, type ParameterSource } from "../layers/parameters.ts";
import { Random } from "../random.ts";
import { ConfigReader, type JsonObject } from "./_config_reader.ts";
import { kept } from "./_joined_heads.ts";
import type { InferenceParts } from "./inference_model.ts";
import { labelsOf } from "./labels.ts";
import { problemTypeOf } from "./problem_type.ts";

/** A head as it lies in a directory of its own. */
export interface StoredHead {
  /** The `config.json` of the model that it was trained as the head of. */
  json: JsonObject;
  /** Its tensors by hub name. */
  source: ParameterSource;
}

/** What a config says of the head, and of the states that it looks at; all else is the backbone's. */
const HEAD_FIELDS = [
  "classes",
  "classifier_proj_size",
  "use_weighted_layer_sum",
  "weightedSumAfterNorm",
  "pool_mask",
];

/**
 * The backbone's parts with another head.
 *
 * @throws {CheckpointError} where the head is of another architecture, or a tensor of it is missing or misshapen.
 */
export async function headedParts(
  backbone: InferenceParts,
  { json, source }: StoredHead,
): Promise<InferenceParts> {
  // Whatever its own head gives, others on it classify clips.
  const architecture = backbone.architecture.plain ?? backbone.architecture;
  const { file } = source;
  expectSameType(json.model_type, architecture.modelType, file);
  const fields = new ConfigReader(json, file);
  const labels = labelsOf(fields);
  const asked = architecture.parseConfig(fields, labels.length) as JsonObject;
  const own = HEAD_FIELDS.filter((name) => name in asked).map((name) => [name, asked[name]]);
  const config = { ...backbone.config as JsonObject, ...Object.fromEntries(own) };
  const { basePrefix } = architecture;
  const { source: read, values } = kept(source);
  const reader = new ParameterReader({
    ...{ source: read, basePrefix, random: new Random(0), prepare: () => "float32" as const },
  });
  try {
    const head = await architecture.loadHead(reader, config);
    const loading = reader.report();
    expectWhole(loading.missing, file);
    const ofBase = [...backbone.weights].filter(([name]) => name.startsWith(`${basePrefix}.`));
    return {
      ...{ architecture, json, config, labels, loading, origin: { file } },
      problemType: problemTypeOf(fields, labels.length, architecture),
      params: { ...backbone.params as object, config, head },
      weights: new Map([...ofBase, ...reader.weights]),
      ownWeights: [...reader.weights.values()],
      headValues: values,
    };
  } catch (error) {
    for (const weight of reader.weights.values()) disposeWeight(weight);
    throw error;
  }
}

function expectSameType(found: unknown, expected: string, file: string): void {
  if (found === expected) return;
  throw new CheckpointError(
    `Cannot use head "${file}": expected one of a model of type "${expected}", found "${found}"`,
    { file },
  );
}

function expectWhole([key]: readonly string[], file: string): void {
  if (key === undefined) return;
  throw new CheckpointError(
    `Cannot load tensor "${key}" of "${file}": expected one, found none`,
    { file, key },
  );
}

/** Heads that look at the same states of the backbone have the same. */
export function statesKey({ config }: InferenceParts): string {
  const fields = config as JsonObject;
  return HEAD_FIELDS.slice(2).map((name) => fields[name]).join();
}
