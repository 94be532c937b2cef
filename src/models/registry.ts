/**
 * The architectures by `model_type`. A new one takes its own file and a line here.
 *
 * @module
 */
import { ConfigReader, type JsonObject } from "./_config_reader.ts";
import { withNamedHead } from "./_named_head.ts";
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

/**
 * The architecture of a config, with the head that it names in `architectures`.
 *
 * @throws {CheckpointError} naming the architectures, or the heads of this one, that exist.
 */
export function headedArchitectureOf(json: JsonObject, file: string): Architecture {
  return withNamedHead(architectureOf(json.model_type, file), json, file);
}
