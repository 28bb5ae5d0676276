// Chromium without network access, for all tests.
//
// CHROMIUM      the browser, default chromium in PATH or in /usr/bin

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
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
