/**
 * The blocks of a model (`_blocks.ts`), measured in this process: our layers and our optimiser, without the trainer.
 *
 * @module
 */
import { tensor, tidy } from "@tensorflow/tfjs-core";
import { useDevice } from "../src/devices.ts";
import { directoryFiles } from "../src/files.ts";
import {
  classificationHead,
  loadClassificationHead,
  pooledStates,
} from "../src/layers/classification_head.ts";
import { loadNorm } from "../src/layers/norm.ts";
import { ParameterReader } from "../src/layers/parameters.ts";
import { postNormEncoder } from "../src/layers/transformer_encoder.ts";
import {
  loadTransformerLayer,
  type TransformerLayerParams,
} from "../src/layers/transformer_layer.ts";
import { ConfigReader, type JsonObject } from "../src/models/_config_reader.ts";
import type { Architecture } from "../src/models/architecture.ts";
import { AudioClassificationModel } from "../src/models/model.ts";
import { wav2vec2, type Wav2Vec2Config, type Wav2Vec2Params } from "../src/models/wav2vec2.ts";
import { Random } from "../src/random.ts";
import { AdamW } from "../src/train/step/optimizer.ts";
import { openCheckpoint } from "../src/weights/checkpoint.ts";
import { readBlocks } from "./_blocks.ts";
import { type Measured, peakRssMb, readRequest, sinceSpawn } from "./_process.ts";
import { medianMsOf } from "./_timing.ts";
import { trainingStep } from "./_training_step.ts";

type BlocksParams = Pick<Wav2Vec2Params, "config" | "encoder" | "head">;

/** Wav2Vec2 whose input are frames in place of samples. */
const blocksOnly: Architecture<Wav2Vec2Config, BlocksParams> = {
  ...wav2vec2,
  async load(reader, config) {
    const encoder = reader.at("wav2vec2.encoder");
    const layers: TransformerLayerParams[] = [];
    const norm = await loadNorm(
      encoder.at("layer_norm"),
      config.hidden_size,
      config.layer_norm_eps,
    );
    for (let i = 0; i < config.num_hidden_layers; i++) {
      layers.push(await loadTransformerLayer(encoder.at("layers", i), config));
    }
    const head = await loadClassificationHead(reader, config);
    return { config, encoder: { norm, layers }, head };
  },
  forward({ config, encoder, head }, { inputs }) {
    return tidy(() =>
      classificationHead(
        head,
        pooledStates([postNormEncoder(encoder, inputs, { rates: config }).last]),
      )
    );
  },
};

async function loadBlocks(directory: string): Promise<AudioClassificationModel> {
  const json = JSON.parse(await Deno.readTextFile(`${directory}/config.json`)) as JsonObject;
  const labels = Object.values(json.id2label as Record<string, string>);
  const config = blocksOnly.parseConfig(new ConfigReader(json, "config.json"), labels.length);
  const source = await openCheckpoint(directoryFiles(directory));
  const { basePrefix } = blocksOnly;
  const reader = new ParameterReader({ source, basePrefix, random: new Random(1) });
  const params = await blocksOnly.load(reader, config);
  source.close();
  const { parameters, weights } = reader;
  return new AudioClassificationModel({
    ...{
      architecture: blocksOnly as Architecture,
      json,
      config,
      labels,
      params,
      parameters,
      weights,
      origin: {},
    },
    ...{ problemType: "single_label_classification", loading: reader.report() },
  });
}

const request = readRequest();
const { backend, threads, rounds, clock, directory } = request;
const device = await useDevice({ backend, threads, purpose: "training" });
const model = await loadBlocks(directory);
const { inputs, labels, shape } = await readBlocks(request);
const optimizer = new AdamW(model.trainable());
const losses: number[] = [];
const step = async () => {
  losses.push(await trainingStep(model, optimizer, { inputs, shape, labels }));
};
const loadMs = sinceSpawn(request);
await step();
const firstMs = sinceSpawn(request);
await step();
const medianMs = await medianMsOf(step, { rounds, clock });
const rssMb = peakRssMb();
const forwardMs = await medianMsOf(async () => {
  const logits = tidy(() => model.forward({ inputs: tensor(inputs, shape) }).logits);
  await logits.data();
  logits.dispose();
}, { rounds, clock });
optimizer.dispose();
device.dispose();
const found: Measured = { medianMs, forwardMs, loadMs, firstMs, rssMb, loss: losses[1] };
console.log(JSON.stringify(found));
