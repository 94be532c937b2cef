/**
 * The page as a site of its own, which computes in the browser.
 *
 * @module
 */
import { browserEngine } from "./browser_engine.ts";
import { showEngine } from "./main.ts";
import { element, showError } from "./page.ts";

const about = element("about");
try {
  const worker = new URL("worker.js", import.meta.url);
  showEngine(await browserEngine(worker, (text) => about.textContent = text));
} catch (error) {
  about.textContent = "The model is not there.";
  showError(error);
}
