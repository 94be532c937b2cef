import { deepEqual, equal, match, ok } from "node:assert/strict";
import { type ClassifyOptions, createApp, type ServedClassifier } from "../../edge/mod.ts";
import { TooLongError } from "../../src/audio/too_long.ts";
import { AudioFormatError, CheckpointError } from "../../src/errors.ts";
import { base64, type Call, CLIP, fakeClassifier, post, postJson } from "./_served.ts";

const ANSWER = [{ label: "yes", score: 0.75 }, { label: "no", score: 0.25 }];
const silent = { log: () => {} };

async function statusAndError(response: Response): Promise<[number, string]> {
  match(response.headers.get("content-type")!, /^application\/json/);
  const { error, ...others } = await response.json();
  deepEqual(others, {});
  ok(!/\n/.test(error), error);
  return [response.status, error];
}

Deno.test("createApp() answers a posted clip of any content type", async () => {
  const calls: Call[] = [];
  const app = createApp(fakeClassifier(calls));
  const types = [
    "audio/wav",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
    "text/plain",
  ];
  for (const type of [undefined, ...types]) {
    const response = await app.fetch(post(CLIP, type));
    equal(response.status, 200);
    match(response.headers.get("content-type")!, /^application\/json/);
    deepEqual(await response.json(), ANSWER);
  }
  for (const { bytes, options } of calls) {
    deepEqual(bytes, CLIP);
    deepEqual(options, {});
  }
});

Deno.test("createApp() takes top_k and function_to_apply from the query", async () => {
  const calls: Call[] = [];
  const app = createApp(fakeClassifier(calls));
  await app.fetch(post(CLIP, "audio/wav", "?top_k=3&function_to_apply=none&other=1"));
  deepEqual(calls[0]!.options, { topK: 3, functionToApply: "none" });
});

Deno.test("createApp() takes the JSON form, whose parameters go before the query's", async () => {
  const calls: Call[] = [];
  const app = createApp(fakeClassifier(calls));
  const inputs = base64(CLIP);
  const parameters = { top_k: 1, function_to_apply: "sigmoid" };
  equal((await app.fetch(postJson({ inputs }))).status, 200);
  equal((await app.fetch(postJson({ inputs, parameters, options: {} }, "?top_k=4"))).status, 200);
  equal(
    (await app.fetch(postJson({ inputs, parameters: { top_k: null } }, "?top_k=4"))).status,
    200,
  );
  deepEqual(calls.map(({ options }) => options), [
    {},
    { topK: 1, functionToApply: "sigmoid" },
    { topK: 4 },
  ]);
  for (const { bytes } of calls) deepEqual(bytes, CLIP);
});

Deno.test("createApp() refuses a wrong request with its status and one clear line", async () => {
  const calls: Call[] = [];
  const app = createApp(fakeClassifier(calls));
  const inputs = base64(CLIP);
  const amr = new TextEncoder().encode("#!AMR\n");
  const cases: [Request, number, RegExp][] = [
    [post(null), 400, /expected audio as the body, found nothing/],
    [
      post(CLIP, "audio/wav", "?top_k=0"),
      400,
      /top_k: expected a whole number of 1 or more, found 0/,
    ],
    [post(CLIP, "audio/wav", "?top_k=many"), 400, /found many/],
    [post(CLIP, "audio/wav", "?function_to_apply=max"), 400, /softmax or sigmoid or none/],
    [postJson("{"), 400, /expected JSON, found other text/],
    [postJson("[]"), 400, /expected a JSON object, found an array/],
    [postJson({}), 400, /"inputs": expected audio in base64, found undefined/],
    [postJson({ inputs: "***" }), 400, /"inputs": expected audio in base64, found other text/],
    [postJson({ inputs, parameters: 3 }), 400, /"parameters": expected an object, found number/],
    [postJson({ inputs, parameters: { top_k: { toString: 1 } } }), 400, /found object/],
    [postJson({ inputs, parameters: { top_k: "x".repeat(900) } }), 400, /found x{40}$/],
    [post(amr), 415, /expected WAV, FLAC, .*, found AMR/],
    [postJson({ inputs: base64(amr) }), 415, /found AMR/],
    [post("hello, world"), 415, /found plain text/],
    [post(new Uint8Array([1, 2, 3, 250])), 415, /found an unknown format/],
    [post(CLIP, "multipart/form-data; boundary=x"), 400, /expected multipart\/form-data/],
    [post(JSON.stringify({ inputs })), 415, /found JSON without Content-Type: application\/json/],
  ];
  for (const [request, status, error] of cases) {
    const [found, text] = await statusAndError(await app.fetch(request));
    equal(found, status, text);
    match(text, error);
  }
  deepEqual(calls, []);
});

Deno.test("createApp() answers 422 with the reason where the audio cannot be classified", async () => {
  const app = createApp(fakeClassifier([], () => {
    throw new AudioFormatError("Cannot classify the clip: expected at least 1 s");
  }));
  deepEqual(await statusAndError(await app.fetch(post(CLIP))), [
    422,
    "Cannot classify the clip: expected at least 1 s",
  ]);
});

Deno.test("createApp() hears a clip that is too long in windows, in turns, and says so", async () => {
  const asked: unknown[] = [];
  const classify = async (_: Uint8Array, options: ClassifyOptions = {}) => {
    const { longClips, turn, onWarning } = options;
    asked.push(longClips);
    if (longClips !== "windows") throw new TooLongError("Cannot classify the clip: too long");
    for (let i = 0; i < 3; i++) await turn!(() => Promise.resolve(asked.push(i)));
    onWarning!("the mean of 3 windows of 30 s, über");
    return [{ label: "yes", score: 1 }];
  };
  const app = createApp(Object.assign(classify, { labels: ["yes"] }), silent);
  const response = await app.fetch(post(CLIP));
  deepEqual([response.status, await response.json()], [200, [{ label: "yes", score: 1 }]]);
  deepEqual(asked, [undefined, "windows", 0, 1, 2]);
  equal(response.headers.get("x-earshot-warning"), "the mean of 3 windows of 30 s, ?ber");
});

Deno.test("createApp() reads no body beyond the limit, declared or not", async () => {
  const app = createApp(fakeClassifier(), { maxBodyBytes: CLIP.length });
  equal((await app.fetch(post(CLIP))).status, 200);
  const declared = new Request("http://localhost/", {
    method: "POST",
    body: "x",
    headers: { "content-length": String(CLIP.length + 1) },
  });
  match((await statusAndError(await app.fetch(declared)))[1], /at most \d+ bytes/);
  let pulls = 0;
  const endless = new ReadableStream({
    pull: (controller) => {
      pulls++;
      controller.enqueue(new Uint8Array(1_000));
    },
  });
  equal((await app.fetch(post(endless))).status, 413);
  ok(pulls < 10, `${pulls} chunks were read`);
});

Deno.test("createApp() gives up on a body that does not arrive, or breaks off", async () => {
  const app = createApp(fakeClassifier(), { bodyTimeoutMs: 20 });
  const stalled = new ReadableStream({ start: (controller) => controller.enqueue(CLIP) });
  const [status, error] = await statusAndError(await app.fetch(post(stalled)));
  equal(status, 408);
  match(error, /within 0.02 s/);
  const broken = new ReadableStream({ pull: (controller) => controller.error("gone") });
  equal((await app.fetch(post(broken))).status, 400);
});

Deno.test("createApp() answers 404 and 405 elsewhere", async () => {
  const app = createApp(fakeClassifier());
  const ask = (path: string, method: string) =>
    app.fetch(new Request(`http://localhost${path}`, { method }));
  deepEqual((await statusAndError(await ask("/x", "GET")))[0], 404);
  const response = await ask("/", "DELETE");
  equal(response.headers.get("allow"), "GET, HEAD, POST");
  deepEqual(await statusAndError(response), [405, "Cannot DELETE /: expected GET, HEAD, POST"]);
  equal((await ask("/healthz", "POST")).status, 405);
  equal((await ask("/", "HEAD")).status, 200);
});

Deno.test("createApp() describes itself, with the labels once the model is there", async () => {
  const app = createApp(() => Promise.resolve(fakeClassifier()));
  const describe = async () => await (await app.fetch(new Request("https://example.org/"))).json();
  const before = await describe();
  equal(before.task, "audio-classification");
  equal(before.ready, false);
  equal(before.labels, undefined);
  match(before.example, /^curl --data-binary @clip.wav "https:\/\/example.org\/\?top_k=3"$/);
  await app.fetch(post(CLIP));
  const { ready, labels } = await describe();
  deepEqual({ ready, labels }, { ready: true, labels: ["no", "yes"] });
});

Deno.test("createApp() loads the model on the first request, once for all", async () => {
  let loads = 0;
  const { promise: loaded, resolve: finishLoading } = Promise.withResolvers<ServedClassifier>();
  const app = createApp(() => {
    loads++;
    return loaded;
  });
  equal(loads, 0);
  const health = () => app.fetch(new Request("http://localhost/healthz"));
  const first = await health();
  equal(first.status, 503);
  equal(first.headers.get("retry-after"), "1");
  deepEqual(await first.json(), { status: "loading" });
  const asked = Array.from({ length: 4 }, () => app.fetch(post(CLIP)));
  finishLoading(fakeClassifier());
  const answers = await Promise.all(asked);
  deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200]);
  const last = await health();
  equal(last.status, 200);
  deepEqual(await last.json(), { status: "ready", thread: "the service's" });
  equal(loads, 1);
});

Deno.test("createApp() takes a promise of a classifier", async () => {
  const app = createApp(Promise.resolve(fakeClassifier()));
  deepEqual(await (await app.fetch(post(CLIP))).json(), ANSWER);
});

Deno.test("createApp() answers 503 where the model cannot be loaded, logs why, and tries again", async () => {
  const lines: string[] = [];
  let loads = 0;
  const load = () => {
    if (loads++ === 0) throw new CheckpointError('Cannot read "model/config.json"');
    return Promise.resolve(fakeClassifier());
  };
  const app = createApp(load, { log: (line) => lines.push(line) });
  const response = await app.fetch(post(CLIP));
  equal(response.headers.get("retry-after"), "1");
  deepEqual(await statusAndError(response), [503, "The model cannot be loaded"]);
  const { error, requestId, status } = JSON.parse(lines.join());
  deepEqual([error, status], ['CheckpointError: Cannot read "model/config.json"', 503]);
  equal(requestId, response.headers.get("x-request-id"));
  equal((await app.fetch(post(CLIP))).status, 200);
  equal(loads, 2);
});

Deno.test("createApp() keeps an inner failure to the log, in one line without a stack", async () => {
  const lines: string[] = [];
  const app = createApp(
    fakeClassifier([], () => Promise.reject(new RangeError("secret\n  detail"))),
    { log: (line) => lines.push(line) },
  );
  const [status, error] = await statusAndError(await app.fetch(post(CLIP)));
  deepEqual([status, error], [500, "The server failed on this request"]);
  equal(lines.length, 1);
  equal(JSON.parse(lines[0]!).error, "RangeError: secret detail");
  ok(!/mod_test|RIFF| at /.test(lines[0]!));
});

Deno.test("createApp() gives every answer a request id, the client's where it brings one", async () => {
  const app = createApp(fakeClassifier(), silent);
  const ids = [post(CLIP), post(null), new Request("http://localhost/none")].map(async (request) =>
    (await app.fetch(request)).headers.get("x-request-id")
  );
  equal(new Set(await Promise.all(ids)).size, 3);
  const request = post(null);
  request.headers.set("x-request-id", "mine-7");
  equal((await app.fetch(request)).headers.get("x-request-id"), "mine-7");
});
