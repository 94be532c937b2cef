/**
 * Architectures with the head that a config names in `architectures`, where it is another than that of a clip's classes.
 *
 * @module
 */
import { type Tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import {
  headStates,
  joinedFeatures,
  loadLayerWeights,
  pooledStates,
} from "../layers/classification_head.ts";
import { UnsupportedOpError } from "../errors.ts";
import type { ParameterReader, ParameterSource } from "../layers/parameters.ts";
import { ConfigReader, type JsonObject } from "./_config_reader.ts";
import { frameHead } from "./_frame_head.ts";
import type { HeadedConfig, OtherHead } from "./_other_head.ts";
import { asked } from "./_speech_forward.ts";
import { xvectorHead } from "./_xvector_head.ts";
import type { Architecture } from "./architecture.ts";

const HEADS = [frameHead, xvectorHead] as readonly OtherHead[];
/** What the classes of the usual head end with. */
const PLAIN_SUFFIX = "ForSequenceClassification";

/** What heads give, and what can be done where that is not wanted. */
const GIVES = { xvector: "which gives vectors of speakers", frames: "which scores each frame" };
const HINTS = {
  xvector: "Have it embed clips, or give it labels, for a new head that classifies them",
  frames: "Have it detect sounds, or give it labels, for a new head that classifies clips",
};

/** A head of another kind, and the weights of the sum over layers where there is one. */
interface HeadParams {
  layerWeights?: Tensor;
  own: unknown;
}

interface Params {
  config: HeadedConfig;
  head: HeadParams;
}

/**
 * The architecture with the head of a class.
 *
 * @param config the one that names the class.
 * @throws {CheckpointError} where there is no such head on this base.
 */
export function withNamedHead(
  base: Architecture,
  named: string,
  { json, file }: { json: JsonObject; file: string },
): Architecture {
  const nameFor = ({ suffix }: OtherHead) => base.className.replace(PLAIN_SUFFIX, suffix);
  const head = HEADS.find((head) => nameFor(head) === named);
  if (base.states && head) return withHead(base, head, named);
  const known = [base.className, ...base.states ? HEADS.map(nameFor) : []];
  return new ConfigReader(json, file).fail("architectures", known.join(" or "), named);
}

function withHead(base: Architecture, head: OtherHead, className: string): Architecture {
  return {
    ...base,
    ...{ className, kind: head.kind, plain: base },
    impliedProblem: () => head.impliedProblem,
    parseConfig: (reader, classes) => ({
      ...base.parseConfig(reader, classes) as object,
      ...head.fields(reader) as object,
    }),
    load: (reader, config) =>
      base.load(reader, config, (reader) => loadHead(head, reader, config as HeadedConfig)),
    forward: (params, inputs, options) =>
      tidy(() => {
        const { config, head: { own, ...sum } } = params as Params;
        const { encoded, lengths, convFeatures } = base.states!(params, inputs, options);
        const states = headStates(encoded, config);
        const valid = lengths && tensor1d(lengths, "int32");
        return {
          ...head.answer(own, joinedFeatures(sum, states), { config, lengths }),
          ...asked(options, {
            features: options.outputFeatures ? pooledStates(states, valid) : undefined,
            ...{ convFeatures, hiddenStates: encoded.states, lastHiddenState: encoded.last },
            frameLengths: lengths && { states: lengths, last: lengths },
          }),
        };
      }),
    refusal: (does) =>
      new UnsupportedOpError(
        `Cannot ${does}: expected ${base.className}, found ${className}, ${GIVES[head.kind]}`,
        { hint: HINTS[head.kind] },
      ),
    baseOf: (source) => baseOf(source, base),
    storedClasses: (source) => source.shape("objective.weight")?.[1],
    minSamples: (config) => fewestSamples(base, config, head.fewestFrames(config)),
    paddingInvariant: (config) => base.paddingInvariant(config) && head.isBlindToPadding(config),
    clipScores: head.clipScores &&
      ((params, logits) => head.clipScores!((params as Params).head.own, logits)),
  };
}

/** The tensors of the base alone. */
function baseOf(source: ParameterSource, { basePrefix }: Architecture): ParameterSource {
  const isOfBase = (name: string) => name.startsWith(`${basePrefix}.`);
  return {
    ...source,
    names: () => Array.from(source.names()).filter(isOfBase),
    shape: (name) => isOfBase(name) ? source.shape(name) : undefined,
  };
}

async function loadHead(
  head: OtherHead,
  reader: ParameterReader,
  config: HeadedConfig,
): Promise<HeadParams> {
  return {
    layerWeights: await loadLayerWeights(reader, config),
    own: await head.load(reader, config),
  };
}

/** The fewest samples that give so many frames. */
function fewestSamples(base: Architecture, config: unknown, frames: number): number {
  let least = base.minSamples(config);
  let most = least;
  while (base.frames(config, most) < frames) most *= 2;
  while (least < most) {
    const middle = Math.floor((least + most) / 2);
    if (base.frames(config, middle) < frames) least = middle + 1;
    else most = middle;
  }
  return least;
}
