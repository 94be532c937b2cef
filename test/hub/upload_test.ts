import { deepEqual, equal, match, ok, rejects } from "node:assert/strict";
import type { HubError } from "../../src/errors.ts";
import { fileBlob } from "../../src/hub/file_blob.ts";
import { hubBranch, type HubUpload } from "../../src/hub/upload.ts";
import { hubTest, noise } from "./_fixtures.ts";
import { READ_TOKEN, startHub, type TestHub, TOKEN } from "./hub.ts";

const WEIGHTS = noise(300_000);

function files(weights = WEIGHTS, config = '{"a":1}'): HubUpload[] {
  return [
    { path: "config.json", content: new Blob([config]) },
    { path: "model.safetensors", content: new Blob([weights as Uint8Array<ArrayBuffer>]) },
  ];
}

/** Transfers to the storage so far. */
function uploads({ requests }: TestHub): number {
  return requests.filter(({ method, server }) => method === "PUT" && server === "storage").length;
}

function headOf(hub: TestHub, id = "acme/new"): Record<string, Uint8Array> {
  const commit = hub.repository(id)!.resolve("main")!;
  return Object.fromEntries(Array.from(commit.files, ([name, { bytes }]) => [name, bytes]));
}

/** What no header to the storage and no text may hold. */
function expectTokenStayed({ requests }: TestHub): void {
  for (const { server, headers, path } of requests) {
    ok(!path.includes(TOKEN));
    if (server === "storage") equal(headers.get("Authorization"), null);
  }
}

hubTest("hubBranch() makes a repository, and push() fills it in one commit", async (test) => {
  const { hub, options } = test;
  const seen: number[] = [];
  const branch = await hubBranch("acme/new", { ...options, private: true });
  const before = hub.repository("acme/new")!.commits.size;
  const commit = await branch.push(files(), {
    message: "First",
    onUpload: ({ file, sentBytes, totalBytes }) => {
      equal(file, "model.safetensors");
      equal(totalBytes, WEIGHTS.length);
      seen.push(sentBytes);
    },
  });
  const repository = hub.repository("acme/new")!;
  equal(repository.commits.size, before + 1);
  equal(repository.isPrivate, true);
  equal(repository.resolve("main")!.title, "First");
  deepEqual(headOf(hub), {
    "config.json": new TextEncoder().encode('{"a":1}'),
    "model.safetensors": WEIGHTS,
  });
  ok(repository.resolve("main")!.files.get("model.safetensors")!.sha256);
  deepEqual(commit, {
    id: "acme/new",
    url: `${hub.url}/acme/new`,
    created: true,
    commit: repository.resolve("main")!.sha,
    sent: ["config.json", "model.safetensors"],
    unchanged: [],
  });
  equal(seen.at(-1), WEIGHTS.length);
  expectTokenStayed(hub);
});

hubTest("a name without an owner is of the token's", async ({ hub, options }) => {
  equal((await hubBranch("mine", options)).id, "acme/mine");
  ok(hub.repository("acme/mine"));
});

hubTest("push() sends what differs, and makes no commit where nothing does", async (test) => {
  const { hub, options } = test;
  await (await hubBranch("acme/new", options)).push(files());
  const first = hub.repository("acme/new")!.resolve("main")!.sha;
  const again = await (await hubBranch("acme/new", options)).push(files());
  deepEqual([again.commit, again.sent, again.created], [first, [], false]);
  deepEqual(again.unchanged, ["config.json", "model.safetensors"]);
  const third = await (await hubBranch("acme/new", options)).push(files(WEIGHTS, "{}"));
  deepEqual(third.sent, ["config.json"]);
  equal(uploads(hub), 1);
  equal(hub.repository("acme/new")!.commits.size, 3);
});

hubTest("push() goes to a branch, made where it is missing", async ({ hub, options }) => {
  await (await hubBranch("acme/new", options)).push(files());
  const branch = await hubBranch("acme/new", { ...options, revision: "v2" });
  await branch.push(files(WEIGHTS, "{}"));
  const repository = hub.repository("acme/new")!;
  equal(new TextDecoder().decode(repository.resolve("v2")!.files.get("config.json")!.bytes), "{}");
  equal(new TextDecoder().decode(headOf(hub)["config.json"]), '{"a":1}');
});

hubTest("a transfer that breaks is begun again, and counted from its start", async (test) => {
  const { hub, options } = test;
  hub.misbehave({
    path: "/uploads/",
    method: "PUT",
    times: 1,
    fault: { kind: "status", status: 503 },
  });
  const seen: number[] = [];
  const branch = await hubBranch("acme/new", options);
  await branch.push(files(), { onUpload: ({ sentBytes }) => void seen.push(sentBytes) });
  equal(uploads(hub), 2);
  deepEqual(headOf(hub)["model.safetensors"], WEIGHTS);
  equal(seen.at(-1), WEIGHTS.length);
  ok(seen.every((bytes) => bytes <= WEIGHTS.length));
});

hubTest(
  "a push that failed leaves the branch, and its repetition sends no large file again",
  async (test) => {
    const { hub, options } = test;
    const branch = await hubBranch("acme/new", options);
    hub.misbehave({ path: "/commit/", method: "POST", fault: { kind: "status", status: 400 } });
    await rejects(branch.push(files()), (error: HubError) => {
      match(error.message, /^Cannot write model "acme\/new": the hub answered 400/);
      equal(error.reason, "refused");
      return true;
    });
    deepEqual(headOf(hub), {});
    hub.behave();
    await (await hubBranch("acme/new", options)).push(files());
    equal(uploads(hub), 1);
    deepEqual(headOf(hub)["model.safetensors"], WEIGHTS);
  },
);

hubTest(
  "a push that is ended in the middle of a file leaves the branch, and can be repeated",
  async (test) => {
    const { hub, options } = test;
    const ending = new AbortController();
    const branch = await hubBranch("acme/new", { ...options, signal: ending.signal });
    const onUpload = () => ending.abort(new Error("cut"));
    const content = new Blob([WEIGHTS as Uint8Array<ArrayBuffer>]);
    await rejects(branch.push([{ path: "model.safetensors", content }], { onUpload }), /cut/);
    deepEqual(headOf(hub), {});
    await (await hubBranch("acme/new", options)).push(files());
    deepEqual(headOf(hub)["model.safetensors"], WEIGHTS);
  },
);

hubTest("a commit whose answer gets lost is found, and not made twice", async (test) => {
  const { hub, options } = test;
  const branch = await hubBranch("acme/new", options);
  hub.misbehave({ path: "/commit/", method: "POST", times: 1, fault: { kind: "short", bytes: 5 } });
  const { commit } = await branch.push(files());
  equal(commit, hub.repository("acme/new")!.resolve("main")!.sha);
  equal(hub.repository("acme/new")!.commits.size, 2);
});

hubTest("push() refuses where a commit came between", async ({ hub, options }) => {
  const repository = hub.addRepository("acme/new", { "README.md": "one" });
  const branch = await hubBranch("acme/new", options);
  repository.commit({ "README.md": "two" });
  await rejects(branch.push(files()), (error: HubError) => {
    match(error.message, /expected "main" at [0-9a-f]{40}, found a commit that came between$/);
    match(error.hint ?? "", /^Push again/);
    return true;
  });
  equal(new TextDecoder().decode(headOf(hub)["README.md"]), "two");
});

hubTest("what the hub holds in the end is compared with what was sent", async (test) => {
  const { hub, options } = test;
  const branch = await hubBranch("acme/new", options);
  const repository = hub.repository("acme/new")!;
  const commit = repository.commit.bind(repository);
  repository.commit = (all, how) => commit({ ...all, "config.json": "{}" }, how);
  await rejects(branch.push(files()), { reason: "damaged", file: "config.json" });
});

hubTest(
  "hubBranch() tells early who may not write, and never a token",
  async ({ hub, options }) => {
    hub.addRepository("acme/open", { "config.json": "{}" });
    const wrong = "hf_wrongTokenOfSomeone";
    const cases = [
      [{ token: READ_TOKEN }, "acme/open", "forbidden", /expected a token that may write/],
      [{}, "other/open", "forbidden", /expected a name under "acme", found "other"/],
      [{ token: wrong }, "acme/open", "token", /expected one that http.* knows, found another/],
      [{ token: false }, "acme/open", "token", /expected a token, found none/],
      [{ private: true }, "acme/open", "refused", /expected a private repository, found a public/],
      [{ revision: "refs/pr/7" }, "acme/open", "revision", /find revision "refs\/pr\/7"/],
      [{}, "acme/../x", "name", /expected an id like/],
    ] as const;
    for (const [changes, id, reason, message] of cases) {
      await rejects(hubBranch(id, { ...options, ...changes }), (error: HubError) => {
        equal(error.reason, reason);
        match(error.message, message);
        const shown = Deno.inspect(error);
        ok(![TOKEN, READ_TOKEN, wrong].some((token) => shown.includes(token)));
        return true;
      });
    }
    equal(hub.repository("acme/open")!.commits.size, 2);
  },
);

hubTest("a 401 without words is a token that nobody knows", async ({ hub, options }) => {
  hub.misbehave({ path: "/whoami", fault: { kind: "status", status: 401, body: "{}" } });
  await rejects(hubBranch("acme/new", options), { reason: "token", status: 401 });
});

Deno.test("large files go in parts, each begun again alone", async () => {
  await using hub = startHub({ partBytes: 100_000 });
  const cacheDirectory = await Deno.makeTempDir();
  const folder = await Deno.makeTempDir();
  try {
    const part = { path: "/00002", method: "PUT", times: 1 };
    hub.misbehave({ ...part, fault: { kind: "status", status: 500 } });
    await Deno.writeFile(`${folder}/weights`, WEIGHTS);
    const content = await fileBlob(`${folder}/weights`);
    const branch = await hubBranch("acme/new", { endpoint: hub.url, token: TOKEN, cacheDirectory });
    const seen: number[] = [];
    await branch.push([{ path: "model.safetensors", content }], {
      onUpload: ({ sentBytes }) => void seen.push(sentBytes),
    });
    equal(uploads(hub), 4);
    equal(seen.at(-1), WEIGHTS.length);
    deepEqual(headOf(hub)["model.safetensors"], WEIGHTS);
    expectTokenStayed(hub);
  } finally {
    await Deno.remove(cacheDirectory, { recursive: true });
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("fileBlob() gives ranges, and notices a file that shrinks", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, WEIGHTS);
    const blob = await fileBlob(path);
    deepEqual(
      new Uint8Array(await blob.slice(10, 20).slice(2).arrayBuffer()),
      WEIGHTS.slice(12, 20),
    );
    equal(blob.slice(-5, 1e9).size, 5);
    deepEqual(new Uint8Array(await new Response(blob.stream()).arrayBuffer()), WEIGHTS);
    await blob.stream().cancel();
    await Deno.truncate(path, 1000);
    await rejects(blob.arrayBuffer(), /expected 299000 more bytes, found its end/);
  } finally {
    await Deno.remove(path);
  }
  await rejects(fileBlob(path), /no such file/);
});
