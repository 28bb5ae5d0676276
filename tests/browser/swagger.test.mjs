// The Swagger UI in a real browser without network access: a visitor sends the prefilled request
// twice and gets one order; where a token is needed, "Authorize" sends it.
//
// ORDERS_BIN    the binary, default target/debug/orders

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fits, isAccessible, launch, screenshot, SCREENS, TIMEOUT_MS } from "./chromium.mjs";

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

for (const screen of SCREENS) {
  const { colorScheme, viewport } = screen;
  test(`an order that is placed twice with "Try it out" is stored once, ${colorScheme}, ${viewport.width} px`, async () => {
    const context = await browser.newContext(screen);
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
      await visit(page, screen);
    } catch (error) {
      error.message += `\nexternal requests: ${external}\nerrors of the page: ${errors}`;
      throw error;
    }
    assert.deepEqual(external, [], "the page sends no external requests");
    assert.deepEqual(errors, [], "the page has no errors");
    await context.close();
  });
}

test("the page has a language, a viewport and an icon, and is compressed", async () => {
  const page = await browser.newPage();
  const requested = [];
  page.on("request", (request) => requested.push(new URL(request.url()).pathname));
  const response = await page.goto(`${address}/docs`);
  assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
  assert.equal(await page.title(), "orders");
  assert.match(await page.locator("meta[name=viewport]").getAttribute("content"), /width=device-width/);
  assert.match(await page.locator("link[rel=icon]").getAttribute("href"), /^data:image\/svg/);
  // The icon is in the page: nothing else is asked for.
  assert.deepEqual(requested.filter((path) => !path.startsWith("image/")), ["/docs"]);
  assert.equal(await response.headerValue("content-encoding"), "gzip");
  const sizes = await page.evaluate(() => {
    const [{ encodedBodySize, decodedBodySize }] = performance.getEntriesByType("navigation");
    return { encodedBodySize, decodedBodySize };
  });
  assert.ok(sizes.encodedBodySize < 600_000 && sizes.decodedBodySize > 1_500_000, JSON.stringify(sizes));
  await page.close();
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
async function visit(page, screen) {
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
  assert.match(key, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/, "the key is prefilled");
  const ink = await placing.locator("tr[data-param-name='Idempotency-Key'] input").evaluate((input) => {
    const { color, backgroundColor } = getComputedStyle(input);
    return { color, backgroundColor };
  });
  assert.notEqual(ink.color, ink.backgroundColor, "the key is legible");
  // Whoever has followed the README would get the replay of its order.
  const readme = await readFile(join(import.meta.dirname, "../../README.md"), "utf8");
  assert.ok(!readme.includes(key), "the key is not that of the README");
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
  const live = placing.locator(".live-responses-table");
  await live.getByText(/idempotent-replayed:\s*true/).first().waitFor();

  const { orders } = await (await fetch(`${address}/orders?limit=1000`)).json();
  assert.equal(orders.filter(({ id }) => id === order.id).length, 1);
  // The tests before have placed one each, with a key of their own.
  assert.equal(orders.length, SCREENS.indexOf(screen) + 1);

  await page.evaluate(() => scrollTo(0, 0));
  await screenshot(page, "docs", screen);
  await placing.evaluate((element) => element.scrollIntoView());
  await screenshot(page, "docs-try-it-out", screen);
  await live.evaluate((element) => element.scrollIntoView());
  await screenshot(page, "docs-replay", screen);
  await fits(page, screen);
  await isAccessible(page);
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
