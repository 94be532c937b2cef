/**
 * Runs graphs in onnxruntime-web, for `onnx_test.ts`: a job a line on standard input, an answer a line on standard output.
 *
 * The runtime comes from npm when it is first asked for; the package does not depend on it.
 *
 * @module
 */

/** A graph, the names of its input and of the output that is wanted, and batches for it. */
export interface GraphJob {
  graph: string;
  input: string;
  /** @default "logits" */
  output?: string;
  batches: { shape: number[]; values: number[] }[];
}

interface Session {
  run(feeds: Record<string, unknown>): Promise<Record<string, { data: Float32Array }>>;
}

interface Runtime {
  env: { logLevel: string; wasm: { numThreads: number } };
  Tensor: new (type: "float32", values: Float32Array, shape: number[]) => unknown;
  InferenceSession: { create(graph: Uint8Array): Promise<Session> };
}

if (import.meta.main) {
  const { env, Tensor, InferenceSession } = await import(Deno.args[0]!) as Runtime;
  env.logLevel = "error";
  env.wasm.numThreads = 1;
  const input = await new Response(Deno.stdin.readable).text();
  for (const line of input.trim().split("\n")) {
    const { graph, input, output = "logits", batches } = JSON.parse(line) as GraphJob;
    const session = await InferenceSession.create(await Deno.readFile(graph));
    const answers: number[][] = [];
    for (const { shape, values } of batches) {
      const feed = new Tensor("float32", Float32Array.from(values), shape);
      answers.push([...(await session.run({ [input]: feed }))[output]!.data]);
    }
    console.log(JSON.stringify(answers));
  }
  // The runtime keeps its threads.
  Deno.exit(0);
}
