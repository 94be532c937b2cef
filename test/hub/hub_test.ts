import assert from "node:assert/strict";
import {
  createRepo,
  deleteRepo,
  type RepoDesignation,
  repoExists,
  uploadFiles,
  whoAmI,
} from "@huggingface/hub";
import { hubFiles } from "../../src/hub/mod.ts";
import { READ_TOKEN, startHub, type TestHub, TOKEN } from "./hub.ts";
import { hubTest, noise } from "./_fixtures.ts";

// The real server's side of this was checked with `huggingface_hub` of Python; here its client for JavaScript is.

const REPO: RepoDesignation = { type: "model", name: "acme/new" };

/** Reads bodies to their end, which the client leaves open here and there. */
const wholeFetch: typeof fetch = async (input, init) => {
  const response = await fetch(input, init);
  const { status, headers } = response;
  return new Response(await response.blob(), { status, headers });
};

async function upload(hub: TestHub, files: Record<string, Uint8Array | string>): Promise<void> {
  await uploadFiles({
    repo: REPO,
    files: Object.entries(files).map(([path, content]) => ({
      path,
      content: new Blob([content as Uint8Array<ArrayBuffer>]),
    })),
    commitTitle: "Push",
    accessToken: TOKEN,
    hubUrl: hub.url,
    fetch: wholeFetch,
  });
}

hubTest("the hub knows tokens", async ({ hub }) => {
  const { name, auth } = await whoAmI({ accessToken: READ_TOKEN, hubUrl: hub.url });
  assert.deepEqual([name, auth.accessToken?.role], ["guest", "read"]);
  await assert.rejects(whoAmI({ accessToken: "hf_wrong", hubUrl: hub.url }), { statusCode: 401 });
});

hubTest("what is uploaded can be read, and taken away", async ({ hub, options }) => {
  const hubUrl = hub.url;
  await createRepo({ repo: REPO, accessToken: TOKEN, hubUrl, private: true });
  await assert.rejects(createRepo({ repo: REPO, accessToken: TOKEN, hubUrl }), { statusCode: 409 });
  const files = { "config.json": "{}", "model.safetensors": noise(9000), "runs/log.txt": "step" };
  await upload(hub, files);
  const repository = await hubFiles("acme/new", options);
  for (const [name, content] of Object.entries(files)) {
    const found = await Deno.readFile(await repository.path(name));
    assert.deepEqual(
      found,
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
  }
  assert.equal(hub.repository("acme/new")?.resolve("main")?.title, "Push");
  await deleteRepo({ repo: REPO, accessToken: TOKEN, hubUrl, fetch: wholeFetch });
  const asked = { repo: REPO, accessToken: TOKEN, hubUrl, fetch: wholeFetch };
  assert.equal(await repoExists(asked), false);
});

hubTest("only its owner may write to a repository", async ({ hub }) => {
  hub.addRepository("acme/new", {});
  hub.addRepository("other/new", {});
  const files = [{ path: "x.txt", content: new Blob(["x"]) }];
  const hubUrl = hub.url;
  const asGuest = uploadFiles({ repo: REPO, files, accessToken: READ_TOKEN, hubUrl });
  await assert.rejects(asGuest, { statusCode: 403 });
  const repo = { type: "model", name: "other/new" } as const;
  const elsewhere = uploadFiles({ repo, files, accessToken: TOKEN, hubUrl });
  await assert.rejects(elsewhere, { statusCode: 403 });
});

hubTest("a commit on what is no longer the newest is refused", async ({ hub }) => {
  const remote = hub.addRepository("acme/new", { "a.txt": "1" });
  const parentCommit = remote.refs.get("main")!;
  remote.commit({ "a.txt": "2" });
  const files = [{ path: "a.txt", content: new Blob(["3"]) }];
  const push = { repo: REPO, files, parentCommit, accessToken: TOKEN, hubUrl: hub.url };
  await assert.rejects(uploadFiles(push), { statusCode: 412 });
});

Deno.test("large files go up in parts", async () => {
  await using hub = startHub({ partBytes: 4000 });
  hub.addRepository("acme/new", {});
  const weights = noise(9000);
  await upload(hub, { "model.safetensors": weights });
  const parts = hub.requests.filter(({ method }) => method === "PUT");
  assert.equal(parts.length, 3);
  const file = hub.repository("acme/new")?.resolve("main")?.files.get("model.safetensors");
  assert.deepEqual(file?.bytes, weights);
});

hubTest("the storage refuses tokens, and contents of another hash", async ({ hub }) => {
  const url = `${hub.storageUrl}/uploads/${"0".repeat(64)}`;
  const headers = { Authorization: `Bearer ${TOKEN}` };
  for (const init of [{ headers }, {}]) {
    const response = await fetch(url, { method: "PUT", body: "x", ...init });
    assert.equal(response.status, 400);
    await response.body?.cancel();
  }
});
