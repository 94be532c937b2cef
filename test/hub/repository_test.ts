import assert from "node:assert/strict";
import type { HubError } from "../../src/errors.ts";
import { hubFiles } from "../../src/hub/mod.ts";
import { READ_TOKEN, sha256Of, TOKEN } from "./hub.ts";
import { filesBelow, hubTest, noise } from "./_fixtures.ts";

const FILES = {
  "config.json": "{}",
  "model.safetensors": noise(5000),
  "a folder/é.txt": "in a folder\n",
  "empty.txt": "",
};

hubTest("hubFiles() lists a commit, page by page", async ({ hub, options }) => {
  const { refs } = hub.addRepository("acme/tiny", FILES);
  const repository = await hubFiles("acme/tiny", options);
  const { id, type, revision, commit, files } = repository;
  const expected = { id: "acme/tiny", type: "model", revision: "main", commit: refs.get("main") };
  assert.deepEqual({ id, type, revision, commit }, expected);
  const sizes = Object.fromEntries(files.map(({ path, sizeBytes }) => [path, sizeBytes]));
  const { "a folder/é.txt": inFolder, ...others } = sizes;
  assert.deepEqual(others, { "config.json": 2, "model.safetensors": 5000, "empty.txt": 0 });
  assert.equal(inFolder, 12);
  const weights = files.find(({ path }) => path === "model.safetensors");
  assert.equal(weights?.sha256, sha256Of(FILES["model.safetensors"]));
});

hubTest("path() fetches the file that is asked for, once", async ({ hub, options }) => {
  hub.addRepository("acme/tiny", FILES);
  const repository = await hubFiles("acme/tiny", options);
  assert.deepEqual(hub.requests.filter(({ path }) => path.includes("/resolve/")), []);
  for (const [name, content] of Object.entries(FILES)) {
    const paths = await Promise.all([repository.path(name), repository.path(name)]);
    assert.equal(paths[0], paths[1]);
    const expected = typeof content === "string" ? new TextEncoder().encode(content) : content;
    assert.deepEqual(await Deno.readFile(paths[0]), expected);
  }
  const asked = hub.requests.filter(({ path }) => path.includes("/resolve/"));
  // An empty file needs no request.
  assert.equal(asked.length, 3);
});

hubTest("path() keeps Python's layout", async ({ hub, options, cacheDirectory }) => {
  const repository = hub.addRepository("acme/tiny", { "a/config.json": "{}" });
  const found = await hubFiles("acme/tiny", options);
  const path = await found.path("a/config.json");
  const { commit } = found;
  const sha = "9e26dfeeb6e641a33dae4961196235bdb965b21b";
  assert.deepEqual(await filesBelow(`${cacheDirectory}/models--acme--tiny`), [
    `blobs/${sha}`,
    "refs/main",
    `snapshots/${commit}/a/config.json`,
  ]);
  assert.equal(path, `${cacheDirectory}/models--acme--tiny/snapshots/${commit}/a/config.json`);
  assert.equal(await Deno.readLink(path), `../../../blobs/${sha}`);
  const ref = await Deno.readTextFile(`${cacheDirectory}/models--acme--tiny/refs/main`);
  assert.equal(ref, repository.refs.get("main"));
});

hubTest("hubFiles() reads data sets and revisions", async ({ hub, options, cacheDirectory }) => {
  const data = hub.addRepository("acme/data", { "README.md": "1" }, { type: "dataset" });
  data.commit({ "README.md": "converted" }, { branch: "refs/convert/parquet" });
  const asked = { ...options, type: "dataset" as const, revision: "refs/convert/parquet" };
  const repository = await hubFiles("acme/data", asked);
  assert.equal(await Deno.readTextFile(await repository.path("README.md")), "converted");
  assert.equal(repository.name, "acme/data@refs/convert/parquet");
  const ref = `${cacheDirectory}/datasets--acme--data/refs/refs/convert/parquet`;
  assert.equal(await Deno.readTextFile(ref), repository.commit);
  const first = data.commits.keys().toArray()[1]!;
  const atCommit = await hubFiles("acme/data", { ...asked, revision: first });
  assert.equal(await Deno.readTextFile(await atCommit.path("README.md")), "1");
});

hubTest("open() gives a source, or undefined for a name that is not there", async (test) => {
  test.hub.addRepository("acme/tiny", FILES);
  const repository = await hubFiles("acme/tiny", test.options);
  const source = await repository.open("model.safetensors");
  assert.equal(source?.sizeBytes, 5000);
  assert.equal(source?.name, "acme/tiny/model.safetensors");
  assert.deepEqual(await source?.read(10, 20), FILES["model.safetensors"].slice(10, 20));
  source?.close?.();
  assert.equal(await repository.open("none.json"), undefined);
});

hubTest("hubFiles() takes a new commit of a branch", async ({ hub, options }) => {
  const remote = hub.addRepository("acme/tiny", { "config.json": "old" });
  const old = await hubFiles("acme/tiny", options);
  await old.path("config.json");
  remote.commit({ "config.json": "new" });
  const current = await hubFiles("acme/tiny", options);
  assert.equal(await Deno.readTextFile(await current.path("config.json")), "new");
  assert.equal(await Deno.readTextFile(await old.path("config.json")), "old");
});

hubTest("hubFiles() at a commit that is cached asks nothing", async ({ hub, options }) => {
  hub.addRepository("acme/tiny", FILES);
  const first = await hubFiles("acme/tiny", options);
  await first.path("config.json");
  hub.requests.length = 0;
  const again = await hubFiles("acme/tiny", { ...options, revision: first.commit });
  assert.equal(await Deno.readTextFile(await again.path("config.json")), "{}");
  assert.deepEqual(hub.requests, []);
});

hubTest("each refusal has one line of its own, without the token", async (test) => {
  const { hub, options } = test;
  hub.addRepository("acme/tiny", FILES);
  hub.addRepository("acme/secret", FILES, { isPrivate: true });
  hub.addRepository("acme/gated", FILES, { gatedFor: [] });
  const at = hub.url;
  const cases: [string, string | false, string | undefined, string, string][] = [
    [
      "acme/none",
      TOKEN,
      ,
      "repository",
      `Cannot find model "acme/none": expected a repository of ${at}, found none that this token can read`,
    ],
    [
      "acme/none",
      false,
      ,
      "repository",
      `Cannot find model "acme/none": expected a repository of ${at}, found none that can be read without a token`,
    ],
    [
      "acme/secret",
      READ_TOKEN,
      ,
      "repository",
      `Cannot find model "acme/secret": expected a repository of ${at}, found none that this token can read`,
    ],
    [
      "acme/tiny",
      "hf_wrong",
      ,
      "token",
      `Cannot read model "acme/tiny": expected a valid token, found one that ${at} refuses`,
    ],
    [
      "acme/tiny",
      "two words",
      ,
      "token",
      "Cannot use the token of the option token: expected one word of ASCII, found other characters",
    ],
    [
      "acme/tiny",
      TOKEN,
      "v9",
      "revision",
      'Cannot find revision "v9" of model "acme/tiny": expected a branch, a tag or a commit, found none of that name',
    ],
    [
      "acme/gated",
      READ_TOKEN,
      ,
      "gated",
      'Cannot read model "acme/gated": expected access to a gated repository, found a token that has not been granted it',
    ],
    [
      "acme/gated",
      false,
      ,
      "gated",
      'Cannot read model "acme/gated": expected access to a gated repository, found no token',
    ],
  ];
  for (const [id, token, revision, reason, message] of cases) {
    const reading = hubFiles(id, { ...options, token, revision })
      .then((repository) => repository.path("config.json"));
    await assert.rejects(reading, (error: HubError) => {
      assert.deepEqual([error.name, error.reason, error.message], ["HubError", reason, message]);
      if (token) assert.ok(!Deno.inspect(error).includes(token), Deno.inspect(error));
      return true;
    });
  }
});

hubTest("path() names a file that is not there", async ({ hub, options }) => {
  hub.addRepository("acme/tiny", FILES);
  const repository = await hubFiles("acme/tiny", options);
  await assert.rejects(repository.path("none.json"), {
    name: "HubError",
    reason: "file",
    file: "none.json",
    message: 'Cannot find file "none.json" of model "acme/tiny": ' +
      'expected it at revision "main", found 4 other files',
  });
});

hubTest("names that lead out of the cache are refused", async (test) => {
  const { hub, options, cacheDirectory } = test;
  const names = ["../evil", "/etc/evil", "a/../../evil", "a\\..\\evil", "c:evil", "./evil", "a//b"];
  hub.addRepository("acme/evil", Object.fromEntries(names.map((name) => [name, "evil"])));
  const repository = await hubFiles("acme/evil", options);
  for (const name of names) {
    const expected = { name: "HubError", reason: "name", file: name };
    await assert.rejects(repository.path(name), expected);
    await assert.rejects(repository.open(name), expected);
  }
  assert.deepEqual(await filesBelow(cacheDirectory), ["models--acme--evil/refs/main"]);
  for (const id of ["../x/y", "acme/..", "acme/a--b", "a/b/c", ".x/y", ""]) {
    await assert.rejects(hubFiles(id, options), { name: "HubError", reason: "name" });
  }
  const revision = "../../x";
  await assert.rejects(hubFiles("acme/evil", { ...options, revision }), { reason: "name" });
});

hubTest("hubFiles() refuses a listing whose hashes would be paths", async ({ hub, options }) => {
  const remote = hub.addRepository("acme/tiny", FILES);
  const file = remote.resolve("main")!.files.get("config.json")!;
  file.oid = "../../evil";
  await assert.rejects(hubFiles("acme/tiny", options), { name: "HubError", reason: "refused" });
});

hubTest("offline takes the cache, and says what is missing", async ({ hub, options }) => {
  hub.addRepository("acme/tiny", FILES);
  const online = await hubFiles("acme/tiny", options);
  await online.path("config.json");
  hub.requests.length = 0;
  const offline = await hubFiles("acme/tiny", { ...options, offline: true });
  assert.equal(offline.commit, online.commit);
  assert.equal(await Deno.readTextFile(await offline.path("config.json")), "{}");
  await assert.rejects(offline.path("model.safetensors"), {
    name: "HubError",
    reason: "offline",
    message: /^Cannot open file "model.safetensors" of model "acme\/tiny" offline: expected it in/,
  });
  const elsewhere = { ...options, offline: true, revision: "v2" };
  await assert.rejects(hubFiles("acme/tiny", elsewhere), {
    reason: "offline",
    message: /^Cannot open revision "v2" of model "acme\/tiny" offline/,
  });
  await assert.rejects(hubFiles("acme/none", { ...options, offline: true }), { reason: "offline" });
  assert.deepEqual(hub.requests, []);
});

hubTest("offline reads a snapshot that was never listed", async (test) => {
  const { hub, options, cacheDirectory } = test;
  hub.addRepository("acme/tiny", FILES);
  await (await hubFiles("acme/tiny", options)).path("a folder/é.txt");
  await Deno.remove(`${cacheDirectory}/models--acme--tiny/trees`, { recursive: true });
  const offline = await hubFiles("acme/tiny", { ...options, offline: true });
  assert.deepEqual(offline.files.map(({ path }) => path), ["a folder/é.txt"]);
  assert.equal(await Deno.readTextFile(await offline.path("a folder/é.txt")), "in a folder\n");
});

hubTest("hubFiles() falls back on the cache where nothing answers", async ({ hub, options }) => {
  hub.addRepository("acme/tiny", FILES);
  const online = await hubFiles("acme/tiny", options);
  await online.path("config.json");
  const down: typeof fetch = () => Promise.reject(new TypeError("tcp connect error: refused"));
  const cached = await hubFiles("acme/tiny", { ...options, fetch: down });
  assert.equal(await Deno.readTextFile(await cached.path("config.json")), "{}");
  // A refusal is an answer.
  const wrong = { ...options, token: "hf_wrong" };
  await assert.rejects(hubFiles("acme/tiny", wrong), { reason: "token" });
});

hubTest("path() replaces a file of another size in the snapshot", async ({ hub, options }) => {
  hub.addRepository("acme/tiny", FILES);
  const repository = await hubFiles("acme/tiny", options);
  const path = await repository.path("model.safetensors");
  await Deno.truncate(await Deno.realPath(path), 100);
  assert.equal(await repository.path("model.safetensors"), path);
  assert.deepEqual(await Deno.readFile(path), FILES["model.safetensors"]);
});

hubTest("the listing that Python left behind is read", async (test) => {
  const { hub, options, cacheDirectory } = test;
  const { refs } = hub.addRepository("acme/tiny", { "config.json": "{}" });
  const commit = refs.get("main")!;
  const listing = {
    format_version: 1,
    files: {
      "config.json": { size: 2, blob_id: "9e26dfeeb6e641a33dae4961196235bdb965b21b" },
      "model.safetensors": {
        size: 5000,
        blob_id: "1".repeat(40),
        lfs_sha256: "2".repeat(64),
        lfs_size: 5000,
        xet_hash: "3".repeat(64),
      },
    },
  };
  const trees = `${cacheDirectory}/models--acme--tiny/trees`;
  const write = (content: unknown) =>
    Deno.writeTextFile(`${trees}/${commit}.json`, JSON.stringify(content));
  await Deno.mkdir(trees, { recursive: true });
  await write(listing);
  const { files } = await hubFiles("acme/tiny", options);
  const sizes = files.map(({ path, sizeBytes, sha256 }) => [path, sizeBytes, sha256]);
  const weights = ["model.safetensors", 5000, "2".repeat(64)];
  assert.deepEqual(sizes, [["config.json", 2, undefined], weights]);
  // One of a later version, or broken, is asked for again.
  for (const other of [{ ...listing, format_version: 2 }, { format_version: 1, files: 3 }]) {
    await write(other);
    assert.equal((await hubFiles("acme/tiny", options)).files.length, 1);
  }
});
