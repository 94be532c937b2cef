/**
 * The page in Chromium, used by keyboard alone: speaking, files, long files, errors.
 *
 * @module
 */
import { deepEqual, equal, match } from "node:assert/strict";
import type { Browser, Page } from "playwright-core";
import { encodeWav } from "../../../src/audio/mod.ts";
import { accessFaults, openPage, overflows, tabTo, withBrowser } from "../../chromium.ts";
import { tone } from "../../tiny_model.ts";
import { loudness } from "../_served.ts";
import { whileServed } from "./_served_page.ts";

/** Chooses a file as a keyboard does. */
async function choose(page: Page, name: string, bytes: Uint8Array): Promise<void> {
  await tabTo(page, "#choose");
  const dialog = page.waitForEvent("filechooser");
  await page.keyboard.press("Enter");
  // deno-lint-ignore no-explicit-any -- playwright's types want Node's Buffer
  const buffer: any = (await import("node:buffer")).Buffer.from(bytes);
  await (await dialog).setFiles({ name, mimeType: "audio/wav", buffer });
}

async function speaks(page: Page): Promise<void> {
  await tabTo(page, "#speak");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Stop" }).waitFor();
  await page.locator("#bars li").first().waitFor();
  match(await page.locator("#bars li").first().innerText(), /^(yes|no)\s+\d+ %$/);
  deepEqual(await accessFaults(page), []);
  await page.keyboard.press("Enter");
  await page.locator("#player:not([hidden])").waitFor();
  match(await page.locator("#length").innerText(), /Waveform, and frequencies up to 8 kHz/);
  await page.waitForFunction("document.getElementById('spoken').textContent === 'yes, 75 %'");
}

async function findsEvents(page: Page): Promise<void> {
  const digits = "0099900000".repeat(10);
  await choose(page, "long.wav", encodeWav(loudness(digits), 8_000));
  await page.locator("#events-status").filter({ hasText: "10 events." }).waitFor();
  equal(await page.locator("#event-list button").count(), 10);
  match(await page.locator("#event-list li").first().innerText(), /yes\s+0:00.2 – 0:00.5/);
  equal(await page.locator(".lane .track i").count(), 10);
  deepEqual(await accessFaults(page), []);
  await tabTo(page, "#event-list li:nth-child(2) button");
  await page.keyboard.press("Enter");
  await page.waitForFunction("document.getElementById('player').currentTime >= 1.2");
}

async function saysWhatIsWrong(page: Page): Promise<void> {
  await choose(page, "text.wav", new TextEncoder().encode("no sound"));
  const alert = page.getByRole("alert");
  await alert.waitFor();
  match(await alert.innerText(), /./);
  equal(await page.locator("#sound").isVisible(), false);
}

Deno.test("the page hears a microphone and files by keyboard alone", async () => {
  await withBrowser(tone(96_000), async (browser) => {
    await whileServed(async (url) => {
      const { page, faults, asked, context } = await openPage(browser, `${url}ui`);
      await page.locator("#speak:not([disabled])").waitFor();
      deepEqual(await accessFaults(page), []);
      await speaks(page);
      await findsEvents(page);
      deepEqual(faults, []);
      deepEqual(asked.filter((line) => !/ (http:\/\/127\.0\.0\.1|blob:|data:)/.test(line)), []);
      await context.close();
      await looksRight(browser, url);
    });
  });
});

/** A phone in the dark: nothing is wider than its screen, and colours can be told apart. */
async function looksRight(browser: Browser, url: string): Promise<void> {
  const { page, context } = await openPage(browser, `${url}ui`, { width: 390, dark: true });
  await page.locator("#speak:not([disabled])").waitFor();
  await findsEvents(page);
  equal(await overflows(page), false);
  await saysWhatIsWrong(page);
  deepEqual(await accessFaults(page), []);
  await context.close();
}
