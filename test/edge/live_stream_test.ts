import { deepEqual, equal, match, ok } from "node:assert/strict";
import { createApp, upgradeOnDeno } from "../../edge/mod.ts";
import { shortened } from "../../edge/_live_stream.ts";
import { CLIP, fakeClassifier, fakeDetector, loudness, post, s16 } from "./_served.ts";
import { fixture } from "../audio/fixtures.ts";
import { localStreams, StreamClient } from "./_stream_client.ts";

const RAW = "?rate=8000&threshold=0.3";

Deno.test("GET /stream gives events of bare samples, and with them whatever was asked for", async () => {
  const { open } = localStreams(fakeDetector());
  const { inbox, listener } = await open(`${RAW}&began=true&scores=true&top_k=1`);
  listener.message(s16(loudness("0550")));
  listener.message('{"end":true}');
  deepEqual(await inbox.closing, { code: 1000, reason: "All was heard" });
  deepEqual(inbox.all.map(({ type }) => type), [
    ...["ready", "scores", "scores", "event", "scores", "scores", "event", "end"],
  ]);
  deepEqual(inbox.of("ready")[0]!.labels, ["no", "yes"]);
  deepEqual(inbox.of("scores")[0], {
    start: 0,
    end: 0.1,
    scores: [{ label: "no", score: 1 }],
  });
  const [began, ended] = inbox.of("event");
  deepEqual({ ...began, score: 0 }, {
    ...{ start: 0.1, end: 0.2, label: "yes", score: 0, state: "began" },
  });
  deepEqual({ ...ended, score: 0 }, {
    ...{ start: 0.1, end: 3 * 0.1, label: "yes", score: 0, state: "ended" },
  });
  deepEqual(inbox.of("end"), [{ bytes: 6_400 }]);
});

Deno.test("GET /stream takes options from the first message, before the query's", async () => {
  const { open } = localStreams(fakeDetector());
  const { inbox, listener } = await open("?rate=100&scores=1");
  listener.message(JSON.stringify({ rate: 8_000, encoding: "f32", channels: 2, threshold: "0.9" }));
  const stereo = Float32Array.from(loudness("0880"), (sample) => sample);
  listener.message(new Uint8Array(stereo.buffer));
  listener.message('{"end":true}');
  equal((await inbox.closing).code, 1000);
  // Four tenths of a second of one channel are two of two channels; their mean is silence.
  equal(inbox.of("scores").length, 2);
  deepEqual(inbox.of("event"), []);
});

Deno.test("GET /stream hears the same however the bytes are cut", async () => {
  const { open } = localStreams(fakeDetector());
  const bytes = s16(loudness("0550770330"));
  const heard = async (pieceBytes: number) => {
    const { inbox, listener } = await open(`${RAW}&scores=true`);
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      listener.message(bytes.slice(at, at + pieceBytes));
    }
    listener.message('{"end":true}');
    await inbox.closing;
    return inbox.all;
  };
  const whole = await heard(bytes.length);
  for (const pieceBytes of [7, 1_000, 4_097]) deepEqual(await heard(pieceBytes), whole);
});

Deno.test("GET /stream tells of an event while the sound still comes", async () => {
  const { app, open } = localStreams(fakeDetector());
  const { inbox, listener } = await open(RAW);
  const event = inbox.next("event");
  listener.message(s16(loudness("0550")));
  equal((await event).state, "ended");
  listener.closed();
  // What is still being heard ends with the service, and not behind the test.
  await app.close();
});

/** What a client sends, and how it is cut off. */
type Refusal = [
  query: string,
  messages: (string | Uint8Array)[],
  code: number,
  reason: RegExp,
];

const NAN = new Uint8Array(
  Float32Array.from({ length: 800 }, (_, i) => i === 700 ? NaN : 0).buffer,
);

const REFUSALS: Refusal[] = [
  ["?rate=fast", [], 1008, /^Cannot use rate: expected a number from 100 to 768000, found "fast"$/],
  ["?encoding=s16", [], 1008, /^Cannot use rate: .*found nothing$/],
  ["?rate=8000&encoding=s24", [], 1008, /^Cannot use encoding: expected s16 or f32, found "s24"$/],
  ["?rate=8000&channels=65", [], 1008, /^Cannot use channels/],
  ["?hop_seconds=0", [], 1008, /^Cannot use hop_seconds/],
  ["?mean_windows=0", [], 1008, /^Cannot use mean_windows/],
  ["?min_apart_seconds=-1", [], 1008, /^Cannot use min_apart_seconds/],
  ["?threshold=2", [], 1008, /^Cannot use threshold: expected a number from 0 to 1, found "2"$/],
  ["?scores=maybe", [], 1008, /^Cannot use scores: expected true or false/],
  [`${RAW}&window_seconds=61`, [s16(loudness("1"))], 1008, /^Cannot detect: expected windows of/],
  ["", ["{"], 1008, /^Cannot read the message: expected a JSON object/],
  ["", ["[]"], 1008, /^Cannot read the message: expected a JSON object/],
  ["", ['{"hop":1}'], 1008, /^Cannot use option "hop": expected window_seconds, hop_seconds/],
  [
    RAW,
    [s16(loudness("1")), '{"rate":8000}'],
    1008,
    /^Cannot change options: expected them first$/,
  ],
  [
    "",
    [s16(loudness("12345"))],
    1003,
    /^Cannot decode audio: expected audio, found an unknown format; bare samples need/,
  ],
  ["", ['{"end":true}'], 1003, /^Cannot decode audio: expected audio, found an empty file/],
  [RAW, ['{"end":true}'], 1007, /^Cannot decode audio: expected samples, found an empty clip$/],
  ["?rate=8000&encoding=f32", [NAN], 1007, /^Cannot decode audio: expected finite samples, .*700$/],
  [
    RAW,
    [new Uint8Array(10_001)],
    1009,
    /^Cannot take the sound: expected messages of at most 10000/,
  ],
];

Deno.test("GET /stream closes with a code and a short reason, and says it whole before", async () => {
  const { app, open } = localStreams(fakeDetector(), { streamBufferBytes: 10_000 });
  for (const [query, messages, code, reason] of REFUSALS) {
    const { inbox, listener } = await open(query);
    for (const message of messages) listener.message(message);
    const closing = await inbox.closing;
    equal(closing.code, code, closing.reason);
    match(closing.reason, reason);
    ok(closing.reason.length <= 123 && !/\n/.test(closing.reason), closing.reason);
    const { error } = inbox.all.at(-1)!;
    ok(String(error).startsWith(closing.reason), String(error));
  }
  // What is still being heard ends with the service, and not behind the test.
  await app.close();
});

Deno.test("GET /stream refuses MP4 with its description behind the sound when it begins", async () => {
  const { app, open } = localStreams(fakeDetector());
  const file = await fixture("s16.mov");
  // All of a recording, the box that states the sound, and one that is written for streaming.
  for (const bytes of [file, file.subarray(0, 600)]) {
    const { inbox, listener } = await open("");
    listener.message(bytes);
    const { code, reason } = await inbox.closing;
    equal(code, 1007);
    match(
      reason,
      /^Cannot decode audio: expected MP4 with its description first, found it behind /,
    );
    match(
      String(inbox.of("error")[0]?.error),
      /faststart moves it, and POST \/detect takes it as it is$/,
    );
  }
  const { inbox, listener } = await open("");
  listener.message(await fixture("fragments.mp4"));
  listener.message('{"end":true}');
  equal((await inbox.closing).code, 1000);
  // What is still being heard ends with the service, and not behind the test.
  await app.close();
});

Deno.test("shortened() cuts a reason between characters", () => {
  equal(shortened("short"), "short");
  equal(shortened("x".repeat(200)), "x".repeat(123));
  equal(shortened("ü".repeat(100)), "ü".repeat(61));
});

/** A detection whose windows wait until they are let go. */
function heldDetection() {
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<void>();
  const work = () => {
    begin();
    return released;
  };
  return { classifier: fakeDetector({ work, onEnd }), begun, ended, release };
}

Deno.test("GET /stream cuts off who sends faster than is heard, and reports progress to who asks", async () => {
  const { classifier, begun, release } = heldDetection();
  const { open } = localStreams(classifier, { streamBufferBytes: 8_000 });
  const piece = s16(loudness("1111"));
  const fast = await open(RAW);
  fast.listener.message(piece);
  await begun;
  fast.listener.message(piece);
  fast.listener.message(piece);
  const { code, reason } = await fast.inbox.closing;
  equal(code, 1008);
  match(reason, /^Cannot take the sound: expected at most 8000 bytes ahead of what was heard$/);
  release();
  const patient = await open(`${RAW}&progress=true`);
  for (let sent = 0; sent < 5; sent++) {
    const progress = patient.inbox.next("progress");
    patient.listener.message(piece);
    equal((await progress).bytes, (sent + 1) * piece.length);
  }
  patient.listener.message('{"end":true}');
  equal((await patient.inbox.closing).code, 1000);
});

Deno.test("GET /stream cuts off who does not read what it asked for", async () => {
  const { app, open } = localStreams(fakeDetector(), { streamBufferBytes: 8_000 });
  const stream = await open(`${RAW}&scores=true`);
  stream.unreadBytes = 8_001;
  stream.listener.message(s16(loudness("1111")));
  const { code, reason } = await stream.inbox.closing;
  equal(code, 1008);
  match(reason, /^Cannot send events: expected at most 8000 bytes unread$/);
  await app.close();
});

Deno.test("GET /stream cuts off who is silent, but not who waits to be heard", async () => {
  const { classifier, begun, release } = heldDetection();
  const { app, open } = localStreams(classifier, { streamIdleMs: 20 });
  const waiting = await open(RAW);
  waiting.listener.message(s16(loudness("1")));
  await begun;
  waiting.listener.message(s16(loudness("1")));
  const silent = await open(RAW);
  const { code, reason } = await silent.inbox.closing;
  equal(code, 1008);
  match(reason, /^Cannot go on listening: expected sound within 0.02 s$/);
  equal(waiting.inbox.of("error").length, 0);
  release();
  equal((await waiting.inbox.closing).code, 1008);
  await app.close();
});

Deno.test("GET /stream has 1013 for a model that is not there, 1011 and a line in the log for our faults", async () => {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const missing = localStreams(() => Promise.reject(new TypeError("gone")), { log });
  deepEqual(await (await missing.open()).inbox.closing, {
    code: 1013,
    reason: "The model cannot be loaded",
  });
  const clips = localStreams(fakeClassifier(), { log });
  equal((await (await clips.open()).inbox.closing).code, 1011);
  const broken = localStreams(
    fakeDetector({ work: () => Promise.reject(new TypeError("secret")) }),
    { log },
  );
  const stream = await broken.open(RAW);
  stream.listener.message(s16(loudness("1")));
  const { code, reason } = await stream.inbox.closing;
  deepEqual([code, reason], [1011, "The server failed on this stream"]);
  deepEqual(lines.map((line) => JSON.parse(line)), [
    { path: "/stream", code: 1013, error: "TypeError: gone" },
    { path: "/stream", code: 1011, error: "TypeError: secret" },
  ]);
});

Deno.test("GET /stream ends the work of a client that vanishes, and then gives its place back", async () => {
  const { classifier, begun, ended, release } = heldDetection();
  const { app, open } = localStreams(classifier, { maxSessions: 1 });
  const { listener } = await open(RAW);
  listener.message(s16(loudness("11111")));
  await begun;
  const headers = { upgrade: "websocket" };
  const refused = await app.fetch(new Request("http://localhost/stream", { headers }));
  equal(refused.status, 503);
  equal(refused.headers.get("retry-after"), "1");
  match((await refused.json()).error, /expected at most 1 streams and detections at a time/);
  listener.closed();
  release();
  await ended;
  await app.close();
});

Deno.test("GET /stream shares the model in turn, and POST / is not kept waiting for a whole stream", async () => {
  const order: string[] = [];
  const detector = fakeDetector();
  const noted = Object.assign(async (...args: Parameters<typeof detector>) => {
    order.push("clip");
    return await detector(...args);
  }, detector);
  const { app, open } = localStreams(noted);
  const names = ["a", "b"];
  const streams = await Promise.all(names.map(() => open(`${RAW}&scores=true`)));
  for (const [i, { inbox, listener }] of streams.entries()) {
    const { receive } = inbox;
    inbox.receive = (text) => {
      if (JSON.parse(text).type === "scores") order.push(names[i]!);
      receive.call(inbox, text);
    };
    listener.message(s16(loudness("11111111")));
    listener.message('{"end":true}');
  }
  const first = streams[0]!.inbox.next("scores");
  await first;
  equal((await app.fetch(post(CLIP))).status, 200);
  await Promise.all(streams.map(({ inbox }) => inbox.closing));
  match(order.filter((name) => name !== "clip").join(""), /^(ab){8}$|^(ba){8}$/);
  ok(order.indexOf("clip") < 6, order.join(" "));
  await app.close();
});

Deno.test("GET /stream answers 501 where the host has no WebSockets, 426 and 405 to other requests", async () => {
  const plain = createApp(fakeDetector(), { log: () => {} });
  const { app } = localStreams(fakeDetector());
  const ask = (init?: RequestInit) => new Request("http://localhost/stream", init);
  equal((await plain.fetch(ask())).status, 501);
  const upgradeRequired = await app.fetch(ask());
  deepEqual([upgradeRequired.status, upgradeRequired.headers.get("upgrade")], [426, "websocket"]);
  equal((await app.fetch(ask({ method: "POST" }))).status, 405);
});

Deno.test("close() ends every stream with 1001, and takes no other", async () => {
  const { app, open } = localStreams(fakeDetector());
  const streams = await Promise.all([open(RAW), open(RAW)]);
  await app.close();
  for (const { inbox } of streams) {
    deepEqual(await inbox.closing, { code: 1001, reason: "The service is ending" });
  }
  const headers = { upgrade: "websocket" };
  const late = await app.fetch(new Request("http://localhost/stream", { headers }));
  equal(late.status, 503);
  match((await late.json()).error, /the service is ending$/);
});

Deno.test("upgradeOnDeno() carries sound, answers and closings, and hears when a client is gone", async () => {
  const { promise: ended, resolve: onEnd } = Promise.withResolvers<void>();
  const app = createApp(fakeDetector({ onEnd }), { upgradeWebSocket: upgradeOnDeno });
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, app.fetch);
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const vanishing = new StreamClient(url, RAW);
  await vanishing.ready();
  vanishing.send(s16(loudness("0")));
  vanishing.socket.close();
  await ended;
  const client = new StreamClient(url, RAW);
  await client.ready();
  client.send(s16(loudness("0550")));
  client.send({ end: true });
  deepEqual(await client.inbox.closing, { code: 1000, reason: "All was heard" });
  equal(client.inbox.of("event").length, 1);
  const last = new StreamClient(url, RAW);
  await last.ready();
  await app.close();
  await server.shutdown();
  deepEqual(await last.inbox.closing, { code: 1001, reason: "The service is ending" });
});
