import { equal } from "node:assert/strict";
import denoJson from "../deno.json" with { type: "json" };
import { documentLink } from "../src/repository.ts";

const ADDRESS = "https://code.test/us/earshot";

Deno.test("documentLink() links to a document where the repository has an address", () => {
  equal(
    documentLink("docs/hub.md", undefined, ADDRESS),
    `[docs/hub.md](${ADDRESS}/blob/main/docs/hub.md)`,
  );
  equal(documentLink("", "Earshot", ADDRESS), `[Earshot](${ADDRESS})`);
});

Deno.test("documentLink() gives the name alone while deno.json has no address", () => {
  if ("repository" in denoJson) return;
  equal(documentLink("docs/hub.md"), "docs/hub.md");
  equal(documentLink("", "Earshot"), "Earshot");
});
