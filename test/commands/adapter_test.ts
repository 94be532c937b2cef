/** Low-rank changes apart from their model, on the command line: written, and used by every command that answers. */
import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import { bundle } from "../../src/commands/bundle.ts";
import { serve } from "../../src/commands/serve.ts";
import { assertAllClose } from "../compare.ts";
import { startTestWasm } from "../devices.ts";
import { saveTinyModel } from "../tiny_model.ts";
import { cli, cliOk, jsonLines, withFolder, writeTones } from "./_command_line.ts";

const CLIP = "tones/test/mid/0.wav";

interface Predicted {
  predictions: { label: string; score: number }[];
}

/** A folder with `tones`, the model `whole`, and `adapter`, trained on it for a few steps. */
async function withAdapter(use: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await writeTones(`${folder}/tones`);
    const device = await startTestWasm({ threads: 1 });
    await saveTinyModel(`${folder}/whole`);
    device.dispose();
    const run = ["train", "--data", "tones", "--model", "whole", "--backend", "wasm"];
    const steps = ["--max-steps", "6", "--learning-rate", "0.02", "--save-strategy", "no"];
    const changes = ["--lora-rank", "2", "--save-adapter", "--output", "adapter"];
    await cliOk([...run, ...steps, ...changes], { cwd: folder });
    await use(folder);
  });
}

async function predicted(folder: string, args: string[]): Promise<Predicted["predictions"]> {
  const result = await cliOk(["predict", "--json", ...args, CLIP], { cwd: folder });
  return jsonLines<Predicted>(result)[0]!.predictions;
}

Deno.test("train --save-adapter leaves what predict, eval, export and train take", async () => {
  await withAdapter(async (folder) => {
    const config = JSON.parse(await Deno.readTextFile(`${folder}/adapter/adapter_config.json`));
    deepEqual([config.peft_type, config.r, config.base_model_name_or_path], ["LORA", 2, "whole"]);
    const named = await predicted(folder, ["--model", "adapter"]);
    deepEqual(await predicted(folder, ["--model", "whole", "--adapter", "adapter"]), named);
    deepEqual(named.map(({ label }) => label).sort(), ["high", "low", "mid"]);

    const results = JSON.parse(await Deno.readTextFile(`${folder}/adapter/test_results.json`));
    const evaluate = ["eval", "--json", "--data", "tones", "--model", "whole"];
    const evaluated = await cliOk([...evaluate, "--adapter", "adapter"], { cwd: folder });
    const [{ accuracy }] = jsonLines<{ accuracy: number }>(evaluated) as [{ accuracy: number }];
    equal(accuracy, results.test_accuracy);

    const made = ["--dtype", "f32", "--output", "exported"];
    await cliOk(["export", "--model", "whole", "--adapter", "adapter", ...made], { cwd: folder });
    const exported = await predicted(folder, ["--model", "exported"]);
    const scores = (of: Predicted["predictions"]) => of.map(({ score }) => score);
    assertAllClose(scores(exported), scores(named), { atol: 1e-6 });

    const on = ["train", "--data", "tones", "--model", "whole", "--adapter", "adapter"];
    await cliOk([...on, "--head", "linear", "--output", "next"], { cwd: folder });
    ok(await Deno.stat(`${folder}/next/model.safetensors`));
    const record = JSON.parse(await Deno.readTextFile(`${folder}/next/training_args.json`));
    deepEqual([record.model, record.adapter], ["whole", "adapter"]);
    const refused = await cli([...on, "--model", "tiny", "--output", "none"], { cwd: folder });
    match(refused.stderr, /"--adapter": expected a model directory with it, found preset "tiny"/);
    const pushed = await cli(["push", "--model", "adapter", "--repo", "a/b"], { cwd: folder });
    match(pushed.stderr, /expected a whole model, found an adapter of one/);
  });
});

Deno.test("serve() and a bundle answer with an adapter as predict does", async () => {
  await withAdapter(async (folder) => {
    const expected = await predicted(folder, ["--model", "adapter"]);
    const controller = new AbortController();
    const { promise, resolve: onListen } = Promise.withResolvers<number>();
    const { signal } = controller;
    const [model, adapter] = [`${folder}/whole`, `${folder}/adapter`];
    const settings = { port: 0 } as Parameters<typeof serve>[0]["settings"];
    const served = serve({ model, adapter, settings, signal, onListen });
    const port = await Promise.race([promise, served]);
    const body = (await Deno.readFile(`${folder}/${CLIP}`)).slice();
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", body });
    deepEqual(await response.json(), expected);
    controller.abort();
    await served;

    const bundled = await cli(["bundle", "--model", "adapter", "--output", "service"], {
      cwd: folder,
      rights: ["-A"],
    });
    equal(bundled.code, 0, bundled.stderr);
    // Elsewhere its name means nothing.
    await rejects(
      bundle({ model: adapter, output: `${folder}/other` }),
      /expected the model "whole" that the adapter names, found none/,
    );
    deepEqual(await predicted(folder, ["--model", "service/model"]), expected);
  });
});
