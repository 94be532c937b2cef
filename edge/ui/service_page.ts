/**
 * The page as a service gives it, at `/ui`.
 *
 * @module
 */
import { EngineError } from "./engine.ts";
import { showEngine } from "./main.ts";
import { element, showError } from "./page.ts";
import { serviceEngine } from "./service_engine.ts";

/** This file is in the folder `ui` of the service. */
const BASE = new URL("../", import.meta.url);

async function start(): Promise<void> {
  const key = () => element<HTMLInputElement>("key").value.trim();
  try {
    showEngine(await serviceEngine(BASE, key));
    showError();
    element("secrets").hidden = true;
  } catch (error) {
    const wantsKey = error instanceof EngineError && error.wantsKey;
    element("about").textContent = wantsKey
      ? "This service asks for a key."
      : "The model is not there.";
    element("secrets").hidden = !wantsKey;
    showError(wantsKey && key() === "" ? undefined : error);
  }
}

element<HTMLFormElement>("secrets").onsubmit = (event) => {
  event.preventDefault();
  void start();
};
await start();
