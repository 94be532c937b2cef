/** The browser's entry, and the site that is made of it, in Chromium. */
import { browserTest } from "../chromium.ts";

browserTest(
  "the browser's entry and the static site in Chromium",
  new URL("./_cases.ts", import.meta.url),
);
