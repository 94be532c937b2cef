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
    element("about").textContent = "The model is not there.";
    element("secrets").hidden = !(error instanceof EngineError && error.wantsKey);
    showError(error);
  }
}

element<HTMLFormElement>("secrets").onsubmit = (event) => {
  event.preventDefault();
  void start();
};
await start();
