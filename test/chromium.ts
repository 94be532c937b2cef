/**
 * The browser of the tests: Debian's Chromium, or the one that `EARSHOT_CHROMIUM` names.
 *
 * @module
 */
import { AssertionError } from "node:assert/strict";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { encodeWav } from "../src/audio/mod.ts";
import { exists } from "./kit.ts";

const PLACES = ["chromium", "chromium-browser", "google-chrome"].map((name) => `/usr/bin/${name}`);

/** Where it is; undefined where there is none. */
export const BROWSER: string | undefined = Deno.env.get("EARSHOT_CHROMIUM") ?? PLACES.find(exists);

/** Why tests that need it do not run. In CI they do, and fail. */
export const NO_BROWSER: string | undefined = BROWSER || Deno.env.get("CI")
  ? undefined
  : "no Chromium";

/**
 * Runs the cases of a module that drive a browser, in a process of their own: playwright looks into `/proc`, for which
 * Deno asks for every right there is, and other tests have fewer.
 */
export function browserTest(name: string, cases: URL): void {
  Deno.test({
    name: `${name}${BROWSER_NOTE}`,
    ignore: NO_BROWSER !== undefined,
    fn: async () => {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["test", "--allow-all", "--no-check", "--config", CONFIG, cases.pathname],
        env: { NO_COLOR: "1" },
      });
      const { success, stdout, stderr } = await child.output();
      const [printed, problems] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
      if (!success) throw new AssertionError({ message: `${printed}${problems}` });
    },
  });
}

const CONFIG = new URL("../deno.json", import.meta.url).pathname;

/** The end of a test's name. */
export const BROWSER_NOTE: string = NO_BROWSER ? ` [skipped: ${NO_BROWSER}]` : "";

/** For a browser that hangs; no answer takes so long on any machine. */
export const PATIENCE_MS = 60_000;

/**
 * Runs a browser whose microphone is a sound that is repeated.
 *
 * @param microphone at 48 kHz.
 */
export async function withBrowser(
  microphone: Float32Array,
  use: (browser: Browser) => Promise<void>,
): Promise<void> {
  if (!BROWSER) throw new TypeError("Cannot run a browser: expected Chromium, found none");
  const { chromium } = await import("playwright-core");
  const folder = await Deno.makeTempDir({ prefix: "earshot-browser-" });
  await Deno.writeFile(`${folder}/microphone.wav`, encodeWav(microphone, 48_000));
  const browser = await chromium.launch({
    executablePath: BROWSER,
    args: [
      "--no-sandbox",
      "--use-fake-ui-for-media-stream",
      "--use-fake-device-for-media-stream",
      `--use-file-for-fake-audio-capture=${folder}/microphone.wav`,
      "--autoplay-policy=no-user-gesture-required",
    ],
  });
  try {
    await use(browser);
  } finally {
    await browser.close();
    await Deno.remove(folder, { recursive: true });
  }
}

/** A page, and what went wrong in it or was asked of whom. */
export interface WatchedPage {
  page: Page;
  context: BrowserContext;
  /** Errors of its scripts and of its policy. */
  faults: string[];
  /** What was asked: method and URL. */
  asked: string[];
}

/** Opens a page of a size in a colour scheme. */
export async function openPage(
  browser: Browser,
  url: string,
  { width = 1280, dark = false }: { width?: number; dark?: boolean } = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({
    viewport: { width, height: 844 },
    colorScheme: dark ? "dark" : "light",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults: string[] = [];
  const asked: string[] = [];
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    if (/Content Security Policy/.test(message.text())) faults.push(message.text());
  });
  // The browser hands file dialogs over from now on, and not only once one is waited for.
  page.on("filechooser", () => {});
  context.on("request", (request) => asked.push(`${request.method()} ${request.url()}`));
  await page.goto(url);
  return { page, context, faults, asked };
}

/** Findings of axe that are serious or worse, in a line each. */
export async function accessFaults(page: Page): Promise<string[]> {
  const axe = await Deno.readTextFile(new URL(import.meta.resolve("axe-core/axe.min.js")));
  // Through the debugger's door: the page's policy lets no other script in.
  const found = await page.evaluate(`${axe}; axe.run().then(({ violations }) =>
    violations.map(({ id, impact, nodes }) => [id, impact, nodes.map(({ html }) => html)]))`);
  return (found as [string, string, string[]][])
    .filter(([, impact]) => impact === "serious" || impact === "critical")
    .map(([id, , nodes]) => `${id}: ${nodes.join(" ")}`.slice(0, 300));
}

/** Whether the page is wider than its window. */
export async function overflows(page: Page): Promise<boolean> {
  const width = "document.documentElement";
  return await page.evaluate(`${width}.scrollWidth > ${width}.clientWidth`) as boolean;
}

/** Presses Tab until the element has the focus; it can be reached within as many steps. */
export async function tabTo(page: Page, selector: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    if (await page.locator(`${selector}:focus`).count() > 0) return;
    await page.keyboard.press("Tab");
  }
  throw new RangeError(`Cannot reach "${selector}" with the keyboard`);
}
