// Chromium without network access, for all tests.
//
// CHROMIUM      the browser, default chromium in PATH or in /usr/bin
// SCREENSHOTS   folder for screenshots of the pages, default none

import assert from "node:assert/strict";
import { existsSync, mkdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { delimiter, join } from "node:path";
import { chromium } from "playwright-core";

export const TIMEOUT_MS = 30_000;

/** Starts the browser. */
export function launch() {
  return chromium.launch({
    executablePath: findBrowser(),
    timeout: TIMEOUT_MS,
    args: [
      "--no-sandbox",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // The browser itself must not send requests either.
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ],
  });
}

/** Finds Chromium: in CHROMIUM, in PATH or in /usr/bin. */
function findBrowser() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin"];
  const names = ["chromium", "chromium-browser", "google-chrome"];
  const found = folders.flatMap((f) => names.map((n) => join(f, n))).find((p) => existsSync(p));
  assert.ok(found, "Chromium not found: run scripts/test, which installs it, or set CHROMIUM");
  return found;
}

/** Every page is looked at on a desk and on a phone, light and dark. */
export const SCREENS = ["light", "dark"].flatMap((colorScheme) =>
  [1280, 390].map((width) => ({ colorScheme, viewport: { width, height: 844 } })));

/** Takes a screenshot of what is visible, or of the whole page. */
export async function screenshot(page, name, screen, fullPage = false) {
  if (!process.env.SCREENSHOTS) return;
  mkdirSync(process.env.SCREENSHOTS, { recursive: true });
  const file = `${name}-${screen.colorScheme}-${screen.viewport.width}.png`;
  await page.screenshot({ path: join(process.env.SCREENSHOTS, file), fullPage });
}

/** Asserts that the page is not wider than the screen. */
export async function fits(page, { viewport }) {
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  assert.ok(width <= viewport.width, `${width} px wide at ${viewport.width} px`);
}

/** Asserts that axe finds no serious violation: contrast, names, keyboard. */
export async function isAccessible(page) {
  const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
  await page.evaluate(await readFile(axe, "utf8"));
  const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document));
  assert.ok(passes.length > 10, "axe has looked at the page");
  const serious = violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.target} ${node.any.map((one) => one.message)}`));
  assert.deepEqual(serious, []);
}
