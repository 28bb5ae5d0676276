// The Swagger UI in a real browser without network access: a visitor sends the prefilled request
// twice and gets one order; where a token is needed, "Authorize" sends it.
//
// ORDERS_BIN    the binary, default target/debug/orders
// CHROMIUM      the browser, default chromium in PATH or in /usr/bin
// SCREENSHOT    file for a screenshot of the page at the end, default none

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { launch, TIMEOUT_MS } from "./chromium.mjs";

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

const binary = resolve(
  process.env.ORDERS_BIN ?? join(import.meta.dirname, "../../target/debug/orders"),
);

let folder, server, address, browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "orders-browser-"));
  ({ server, address } = await serve(join(folder, "orders.db")));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  server?.kill("SIGTERM");
  if (folder) await rm(folder, { recursive: true, force: true });
});

test("an order that is placed twice with \"Try it out\" is stored once", async () => {
  const context = await browser.newContext({ viewport: { width: 1200, height: 1500 } });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const external = [];
  const errors = [];
  await context.route("**/*", (route) => {
    const url = new URL(route.request().url());
    if (["http:", "https:"].includes(url.protocol) && !LOOPBACK.has(url.hostname)) {
      external.push(url.href);
      return route.abort();
    }
    return route.continue();
  });
  page.on("pageerror", (error) => errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });

  try {
    await visit(page);
  } catch (error) {
    error.message += `\nexternal requests: ${external}\nerrors of the page: ${errors}`;
    throw error;
  }
  assert.deepEqual(external, [], "the page sends no external requests");
  assert.deepEqual(errors, [], "the page has no errors");
});

test("a token given to \"Authorize\" is sent with \"Try it out\"", async () => {
  const database = join(folder, "tenants.db");
  const { server, address } = await serve(database, ["--auth", "tokens"]);
  const context = await browser.newContext({ viewport: { width: 1200, height: 1500 } });
  try {
    const token = execFileSync(binary, ["token", "create", "--tenant", "acme", "--log", "error"], {
      env: { PATH: process.env.PATH, DATABASE_URL: `sqlite://${database}` },
      encoding: "utf8",
    }).trim();
    const page = await context.newPage();
    page.setDefaultTimeout(TIMEOUT_MS);
    await page.goto(`${address}/docs`);
    const placing = page.locator("#operations-Orders-place_order");
    await placing.locator(".opblock-summary-control").click();
    await placing.getByRole("button", { name: "Try it out" }).click();
    const refused = await execute(page, placing);
    assert.equal(refused.status(), 401);
    assert.equal(await refused.headerValue("www-authenticate"), "Bearer");
    await shows(placing, "401", "UNAUTHENTICATED");

    await page.locator(".auth-wrapper .authorize").click();
    const dialog = page.locator(".dialog-ux");
    await dialog.locator("input").fill(token);
    await dialog.locator("button.authorize").click();
    await dialog.locator("button.btn-done").click();
    const placed = await execute(page, placing);
    assert.equal(placed.status(), 201);
    await shows(placing, "201", (await placed.json()).id);
  } finally {
    await context.close();
    server.kill("SIGTERM");
  }
});

/** Places the prefilled order twice. */
async function visit(page) {
  // The root redirects to the page.
  await page.goto(`${address}/`);
  assert.equal(page.url(), `${address}/docs`);
  assert.equal(await page.evaluate(() => document.compatMode), "CSS1Compat");
  for (const operation of ["place_order", "list_orders", "find_order", "check_health"]) {
    await page.locator(`[id$="-${operation}"]`).waitFor();
  }

  const placing = page.locator("#operations-Orders-place_order");
  await placing.locator(".opblock-summary-control").click();
  await placing.getByRole("button", { name: "Try it out" }).click();
  const key = await placing.locator("tr[data-param-name='Idempotency-Key'] input").inputValue();
  assert.match(key, /^[!-~]{1,255}$/, "the key is prefilled");
  const sent = JSON.parse(await placing.locator("textarea.body-param__text").inputValue());

  const first = await execute(page, placing);
  assert.equal(first.status(), 201);
  const order = await first.json();
  assert.deepEqual(Object.keys(order), ["id", "item", "quantity"]);
  assert.deepEqual(order, { id: order.id, ...sent });
  await shows(placing, "201", order.id);

  const second = await execute(page, placing);
  assert.equal(second.status(), 200);
  assert.equal(await second.text(), await first.text());
  assert.equal(await second.headerValue("idempotent-replayed"), "true");
  await shows(placing, "200", order.id);

  const { orders } = await (await fetch(`${address}/orders`)).json();
  assert.deepEqual(orders, [order]);

  if (process.env.SCREENSHOT) {
    await placing.evaluate((element) => element.scrollIntoView());
    await page.screenshot({ path: process.env.SCREENSHOT });
  }
}

/** Presses "Execute" and waits for the response. */
async function execute(page, operation) {
  const response = page.waitForResponse((received) => received.request().method() === "POST");
  await operation.getByRole("button", { name: "Execute" }).click();
  return response;
}

/** Waits until the page shows the response. */
async function shows(operation, status, id) {
  const response = operation.locator(".live-responses-table tbody .response").first();
  await response.locator(".response-col_status", { hasText: status }).waitFor();
  await response.getByText(id).first().waitFor();
}

/** Starts the server on a new database and a free port, and waits until it listens. */
async function serve(database, flags = []) {
  const all = ["serve", "--host", "127.0.0.1", "--port", "0", "--log", "warn", ...flags];
  const server = spawn(binary, all, {
    env: { PATH: process.env.PATH, DATABASE_URL: `sqlite://${database}` },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const address = await new Promise((listening, failed) => {
    server.once("error", failed);
    server.once("exit", (code) => failed(new Error(`orders serve exited with ${code}`)));
    createInterface({ input: server.stdout }).once("line", listening);
  });
  assert.match(address, /^http:\/\/127\.0\.0\.1:\d+$/);
  return { server, address };
}
