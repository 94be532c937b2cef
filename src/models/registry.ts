/**
 * The architectures by `model_type`. A new one takes its own file and a line here.
 *
 * @module
 */
import { UnsupportedOpError } from "../errors.ts";
import { ConfigReader, type JsonObject } from "./_config_reader.ts";
import { loadNamedHead } from "./_load_named_head.ts";
import type { Architecture } from "./architecture.ts";
import { audioSpectrogramTransformer } from "./audio_spectrogram_transformer.ts";
import { ced } from "./ced.ts";
import { data2vecAudio } from "./data2vec_audio.ts";
import { efficientat } from "./efficientat.ts";
import { hubert } from "./hubert.ts";
import { sew } from "./sew.ts";
import { sewD } from "./sew_d.ts";
import { unispeech, unispeechSat, wav2vec2 } from "./wav2vec2.ts";
import { wav2vec2Bert } from "./wav2vec2_bert.ts";
import { wav2vec2Conformer } from "./wav2vec2_conformer.ts";
import { wavlm } from "./wavlm.ts";
import { whisper } from "./whisper.ts";

const ARCHITECTURES = [
  audioSpectrogramTransformer,
  ced,
  data2vecAudio,
  efficientat,
  hubert,
  sew,
  sewD,
  unispeech,
  unispeechSat,
  wav2vec2,
  wav2vec2Bert,
  wav2vec2Conformer,
  wavlm,
  whisper,
] as readonly Architecture<unknown, unknown>[];

/**
 * The architecture that a config asks for.
 *
 * @throws {CheckpointError} naming those that exist.
 */
export function architectureOf(modelType: unknown, file: string): Architecture {
  const found = ARCHITECTURES.find((architecture) => architecture.modelType === modelType);
  if (found) return found;
  const known = ARCHITECTURES.map((architecture) => architecture.modelType).join(", ");
  return new ConfigReader({ model_type: modelType }, file).fail("model_type", `one of ${known}`);
}

/** What classes end with whose heads do not classify clips. */
const OTHER_HEADS = /For(XVector|AudioFrameClassification)$/;

/**
 * The architecture of a config, with the head that it names in `architectures`: the usual one, or one of another kind,
 * whose code is loaded then; that of pre-training has the usual one take its place.
 *
 * @throws {CheckpointError} naming the architectures, or the heads of this one, that exist.
 * @throws {UnsupportedOpError} for a head of another kind where the code is bundled.
 */
export async function headedArchitectureOf(json: JsonObject, file: string): Promise<Architecture> {
  const base = architectureOf(json.model_type, file);
  const [named] = Array.isArray(json.architectures) ? json.architectures : [];
  if (typeof named !== "string" || !OTHER_HEADS.test(named)) return base;
  const { withNamedHead } = await loadNamedHead().catch((cause) => {
    throw new UnsupportedOpError(`Cannot use "${named}": expected ${base.className} in a bundle`, {
      cause,
    });
  });
  return withNamedHead(base, named, { json, file });
}
