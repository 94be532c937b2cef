import assert from "node:assert/strict";
import { type HubOptions, hubSettings } from "../../src/hub/settings.ts";

const VARIABLES = [
  "HF_TOKEN",
  "HUGGING_FACE_HUB_TOKEN",
  "HF_TOKEN_PATH",
  "HF_HUB_DISABLE_IMPLICIT_TOKEN",
  "HF_ENDPOINT",
  "HF_HOME",
  "HF_HUB_CACHE",
  "HUGGINGFACE_HUB_CACHE",
  "XDG_CACHE_HOME",
  "HOME",
  "HF_HUB_OFFLINE",
  "TRANSFORMERS_OFFLINE",
];

/** The settings under these variables and no others, the home being an empty folder. */
async function settingsWith(
  variables: Record<string, string>,
  options: HubOptions = {},
): ReturnType<typeof hubSettings> {
  const before = VARIABLES.map((name) => [name, Deno.env.get(name)] as const);
  for (const name of VARIABLES) Deno.env.delete(name);
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  try {
    return await hubSettings(options);
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}

Deno.test("hubSettings() without anything is the public hub and a cache at home", async () => {
  const found = await settingsWith({ HOME: "/nobody" });
  assert.equal(found.endpoint, "https://huggingface.co");
  assert.equal(found.token, undefined);
  assert.equal(found.cacheDirectory, "/nobody/.cache/huggingface/hub");
  assert.equal(found.isOffline, false);
});

Deno.test("hubSettings() finds the cache where Python does", async () => {
  const home = { HOME: "/nobody" };
  const cases: [Record<string, string>, string][] = [
    [{ ...home, XDG_CACHE_HOME: "/caches" }, "/caches/huggingface/hub"],
    [{ ...home, XDG_CACHE_HOME: "/caches", HF_HOME: "~/hf" }, "/nobody/hf/hub"],
    [{ HF_HOME: "/hf", HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
    [{ HF_HOME: "/hf", HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "/new" }, "/new"],
  ];
  for (const [variables, expected] of cases) {
    assert.equal((await settingsWith(variables)).cacheDirectory, expected);
  }
  const option = { cacheDirectory: "/mine" };
  assert.equal((await settingsWith({ HF_HUB_CACHE: "/new" }, option)).cacheDirectory, "/mine");
  await assert.rejects(settingsWith({}), { name: "HubError", message: /expected HOME/ });
});

Deno.test("hubSettings() takes the token that Python takes", async () => {
  const home = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(`${home}/token`, "hf_stored\n");
    const stored = { HF_HOME: home };
    const token = async (variables: Record<string, string>, options?: HubOptions) =>
      (await settingsWith({ ...stored, ...variables }, options)).token;
    assert.equal(await token({}), "hf_stored");
    assert.equal(await token({ HUGGING_FACE_HUB_TOKEN: "hf_old" }), "hf_old");
    assert.equal(await token({ HUGGING_FACE_HUB_TOKEN: "hf_old", HF_TOKEN: " hf_new " }), "hf_new");
    assert.equal(await token({ HF_TOKEN: "hf_new" }, { token: "hf_option" }), "hf_option");
    assert.equal(await token({ HF_TOKEN: "hf_new" }, { token: false }), undefined);
    assert.equal(await token({ HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }), undefined);
    assert.equal(await token({ HF_TOKEN_PATH: `${home}/none` }), undefined);
    const { tokenOrigin } = await settingsWith(stored);
    assert.equal(tokenOrigin, `"${home}/token"`);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});

Deno.test("hubSettings() reads offline as Python does", async () => {
  const home = { HOME: "/nobody" };
  for (const value of ["1", "true", "Yes", "on"]) {
    assert.ok((await settingsWith({ ...home, HF_HUB_OFFLINE: value })).isOffline);
  }
  assert.ok((await settingsWith({ ...home, TRANSFORMERS_OFFLINE: "1" })).isOffline);
  const variables = { ...home, HF_HUB_OFFLINE: "0" };
  assert.equal((await settingsWith(variables)).isOffline, false);
  assert.equal((await settingsWith(variables, { offline: true })).isOffline, true);
});

Deno.test("hubSettings() refuses an endpoint that is none, and shows no password of it", async () => {
  const home = { HOME: "/nobody" };
  const { endpoint } = await settingsWith({ ...home, HF_ENDPOINT: "https://mirror.example/hf//" });
  assert.equal(endpoint, "https://mirror.example/hf");
  for (const value of ["mirror", "ftp://mirror.example", "https://me:word@mirror.example"]) {
    await assert.rejects(settingsWith({ ...home, HF_ENDPOINT: value }), (error: Error) => {
      assert.match(error.message, /^Cannot use the endpoint ".*": expected an address like https:/);
      return !error.message.includes("word");
    });
  }
});
