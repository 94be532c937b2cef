/**
 * What is compared where few clips are there to learn from: ways from samples to one vector a clip.
 *
 * @module
 */
import { ASTFeatureExtractor } from "../src/features/mod.ts";
import { tensor3d, tidy } from "@tensorflow/tfjs-core";
import { directoryFiles } from "../src/files.ts";
import { type AudioClassificationModel, buildModel } from "../src/models/model.ts";
import { loadPretrained } from "../src/pretrained.ts";
import { readJsonFile } from "../src/weights/json_file.ts";
import { samplesOf } from "../models/make_backbone/rendering.ts";
import { logEnergies, loudFrames, Teachers } from "../models/make_backbone/teachers.ts";
import { Yamnet } from "../models/make_backbone/yamnet.ts";

/** Vectors of recordings. */
export interface Featurizer {
  name: string;
  /** Numbers of a vector. */
  size(): number;
  features(file: string): Promise<Float32Array>;
}

/** Samples of each recording, decoded once. */
const decoded = new Map<string, Float32Array>();

async function samples(file: string): Promise<Float32Array> {
  const found = decoded.get(file) ?? await samplesOf(file);
  decoded.set(file, found);
  return found;
}

function remembering(
  name: string,
  compute: (samples: Float32Array) => Promise<Float32Array> | Float32Array,
): Featurizer {
  const known = new Map<string, Float32Array>();
  let size = 0;
  return {
    name,
    size: () => size,
    features: async (file) => {
      const found = known.get(file) ?? await compute(await samples(file));
      known.set(file, found);
      size = found.length;
      return found;
    },
  };
}

/** What the last layer of a spectrogram transformer sees, where its norm has learnt nothing. */
function ofModel(
  name: string,
  model: AudioClassificationModel,
  extractor: ASTFeatureExtractor,
): Featurizer {
  return remembering(name, async (samples) => {
    const { inputValues, shape } = extractor.extract([samples]);
    const pooled = tidy(() => {
      const inputs = tensor3d(inputValues, shape as [number, number, number]);
      return model.forward({ inputs }, { outputFeatures: true }).features![0]!;
    });
    const values = await pooled.data() as Float32Array;
    pooled.dispose();
    return normalized(values);
  });
}

/** Mean 0 and deviation 1 over the numbers of a vector. */
function normalized(values: Float32Array): Float32Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return values.map((value) => (value - mean) / Math.sqrt(variance + 1e-12));
}

/** The backbone in a directory. */
export async function backbone(directory: string): Promise<Featurizer> {
  return ofModel("backbone", await loadPretrained(directory), await extractorOf(directory));
}

/** The same architecture with weights that have learnt nothing. */
export async function randomWeights(directory: string, seed: number): Promise<Featurizer> {
  const files = directoryFiles(directory);
  const model = await buildModel(await readJsonFile(files, "config.json"), { seed });
  return ofModel("random weights", model, await extractorOf(directory));
}

async function extractorOf(directory: string): Promise<ASTFeatureExtractor> {
  const file = "preprocessor_config.json";
  return ASTFeatureExtractor.fromConfig(await readJsonFile(directoryFiles(directory), file));
}

/** The scores of YAMNet. */
export async function yamnetScores(file: string): Promise<Featurizer> {
  const yamnet = new Yamnet(await Deno.readFile(file), file);
  return remembering("YAMNet's scores", (samples) => yamnet.output(samples).scores);
}

/** The speech embedding at five places of what is loud. */
export async function speechEmbedding(folder: string): Promise<Featurizer> {
  const teachers = await Teachers.open({ speechEmbedding: folder });
  return remembering(
    "speech embedding",
    (samples) => teachers.speech(samples, loudFrames(logEnergies(samples))),
  );
}
