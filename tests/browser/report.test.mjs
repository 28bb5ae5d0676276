// The reports of the hammer. report.html in a real browser: a forged history runs no script, and the
// page is readable on a phone, light and dark. report.json by its schema.
//
// ORDERS_BIN    the binary, default target/debug/orders

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { pathToFileURL } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { fits, isAccessible, launch, screenshot, SCREENS, TIMEOUT_MS } from "./chromium.mjs";

const binary = resolve(
  process.env.ORDERS_BIN ?? join(import.meta.dirname, "../../target/debug/orders"),
);
const ATTEMPTS = 40;

let folder, browser;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "orders-report-"));
  browser = await launch();
});

after(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Every way into a page that a string may try; each says which member it came from. */
const attack = (member) =>
  `"'><script>ran('${member}')</script><img src=x onerror="ran('${member}')">` +
  `<svg onload="ran('${member}')"></svg></style></pre></title>` +
  `<a href="javascript:ran('${member}')" autofocus onfocus="ran('${member}')">${member}</a>`;

/** A history of one key with many different answers and orders; `text` makes its strings. */
function history(text) {
  const id = (n) => `${text("id")}order-${n}`;
  const events = [
    { type: "run", version: 1, program: text("program"), run: text("run"), seed: 1,
      profile: "quick", targets: [text("url")], scenarios: ["contract", "cut"],
      oracles: ["api", "db"], strict: false, least_contended: 1, settle_ms: 1,
      started_unix_ms: 0, cores: 1, repeat: text("repeat") },
  ];
  for (let n = 1; n <= ATTEMPTS; n++) {
    events.push({ type: "invoke", n, t: n * 100, scenario: "contract", key: text("key"),
      lines: [text("header")], ask: "place", payload: 0, spelling: "plain", item: text("item"),
      quantity: 1, instance: 0, gate: "last_byte", fault: { kind: "none" }, struck: false,
      drain: false });
  }
  for (let n = 1; n < ATTEMPTS; n++) {
    const order = { id: id(n), item: text("item"), quantity: text("quantity") };
    events.push({ type: "ok", n, t: n * 100 + 5000, released: n * 100 + 10,
      first_byte: n * 100 + 4000, answer: { status: 201, replayed: false,
        location: text("location"), retry_after: text("retry"), code: text("code"), order,
        body: `${text("body")}{"id":"order-${n}"}`, bytes: `${n}`, json: text("json") } });
    events.push({ type: "stored", ...order, oracle: "api" });
  }
  events.push(
    { type: "fail", n: ATTEMPTS, t: 9000, error: text("error") },
    { type: "fault", t: 4, fault: "cut_answer", scenario: "cut", attempt: 1, landed: true,
      evidence: text("evidence") },
    { type: "oracle", t: 9100, oracle: "api", orders: ATTEMPTS - 1 },
    { type: "oracle", t: 9101, oracle: "db", orders: 0, trouble: text("oracle") },
    { type: "chapter", t: 9102, troubles: [text("trouble")], alive: true, interrupted: false },
  );
  return events.map((event) => `${JSON.stringify(event)}\n`).join("");
}

/** Judges a history and writes its reports; returns the URL of the page. */
async function report(name, text) {
  const file = join(folder, `${name}.ndjson`);
  await writeFile(file, history(text));
  const run = spawnSync(binary, ["hammer", "check", file, "--report", join(folder, name)]);
  assert.equal(run.status, 1, `${run.stdout}${run.stderr}`);
  return pathToFileURL(join(folder, name, "report.html")).href;
}

/** Opens the page at this width; `ran` collects what scripts did, `external` what was requested. */
async function open(url, options) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const ran = [];
  const external = [];
  await page.exposeFunction("ran", (member) => ran.push(member));
  page.on("dialog", (dialog) => (ran.push(dialog.message()), dialog.dismiss()));
  page.on("request", (request) => request.url() === url || external.push(request.url()));
  await page.goto(url);
  return { page, ran, external, context };
}

test("report.json is as its schema says", async () => {
  const read = async (file) => JSON.parse(await readFile(file, "utf8"));
  const schema = await read(join(import.meta.dirname, "../../docs/report.schema.json"));
  const isValid = new Ajv2020({ allErrors: true, allowUnionTypes: true }).compile(schema);
  await report("violated", attack);
  const run = spawnSync(binary, ["hammer", "--quick", "--report", join(folder, "held")]);
  assert.equal(run.status, 0, `${run.stdout}${run.stderr}`);
  for (const verdict of ["violated", "held"]) {
    const found = await read(join(folder, verdict, "report.json"));
    assert.equal(found.verdict, verdict);
    assert.ok(isValid(found), JSON.stringify(isValid.errors));
    assert.ok(!isValid({ ...found, verdict: "fine" }) && !isValid({ ...found, more: 1 }));
  }
});

test("a forged history runs nothing", async () => {
  const url = await report("forged", attack);
  const { page, ran, external, context } = await open(url, { viewport: { width: 1280, height: 900 } });
  // The attack works where a string is not escaped.
  const control = await context.newPage();
  let worked = false;
  await control.exposeFunction("ran", () => (worked = true));
  await control.setContent(attack("control"));
  await control.waitForFunction(() => document.querySelector("a"));
  for (let turn = 0; !worked && turn < 100; turn++) await control.waitForTimeout(20);
  assert.ok(worked, "the control page runs the script");

  for (const details of await page.locator("summary").all()) await details.click();
  await page.mouse.move(300, 300);
  await page.waitForTimeout(200);
  assert.deepEqual(ran, []);
  assert.deepEqual(external, []);
  const elements = await page.evaluate(() => ({
    active: document.querySelectorAll("script, img, a, iframe, object, link, form, base").length,
    handlers: [...document.querySelectorAll("*")].filter((element) =>
      [...element.attributes].some((attribute) => attribute.name.startsWith("on"))).length,
  }));
  assert.deepEqual(elements, { active: 0, handlers: 0 });
  // The strings are shown as text.
  const text = await page.locator("body").innerText();
  for (const member of ["key", "body", "header", "item", "url", "error", "evidence", "repeat"]) {
    assert.ok(text.includes(`>${member}</a>`), member);
  }
  await context.close();
});

test("the page is readable on a phone, light and dark", async () => {
  const url = await report("plain", (member) => `${member}-`);
  for (const screen of SCREENS) {
    const { width } = screen.viewport;
    const where = `${screen.colorScheme} at ${width} px`;
    const { page, context } = await open(url, screen);
    await fits(page, screen);
    assert.deepEqual(await page.evaluate(smallOrFaint), [], where);
    // Every answer that convicts is drawn, and no lane leaves its section.
    for (let n = 1; n < ATTEMPTS; n++) {
      const answer = page.locator(".lane", { hasText: `{"id":"order-${n}"}` }).first();
      assert.ok(await answer.isVisible(), `order-${n}`);
      const box = await answer.boundingBox();
      assert.ok(box.x >= 0 && box.x + box.width <= width, `order-${n} at ${width} px`);
    }
    const unsent = page.locator(".lane", { hasText: "not sent" });
    assert.equal(await unsent.locator(".answer-not-sent").count(), 1);
    assert.equal(await unsent.locator(".answer-refused").count(), 0);
    assert.equal(await page.locator(".lane.head").isVisible(), width > 640);
    await isAccessible(page);
    await screenshot(page, "report-violated", screen, true);
    await context.close();
  }
  const report_ = JSON.parse(await readFile(join(folder, "plain", "report.json"), "utf8"));
  assert.equal(report_.verdict, "violated");
});

test("a report of a run has heads on every table and clips no figure", async () => {
  const run = spawnSync(binary, ["hammer", "--quick", "--report", join(folder, "run")]);
  // On a busy machine too little may have been observed: the page is the same.
  assert.ok([0, 2].includes(run.status), `${run.stdout}${run.stderr}`);
  const url = pathToFileURL(join(folder, "run", "report.html")).href;
  for (const screen of SCREENS) {
    const where = `${screen.colorScheme} at ${screen.viewport.width} px`;
    const { page, context } = await open(url, screen);
    await fits(page, screen);
    assert.deepEqual(await page.evaluate(smallOrFaint), [], where);
    assert.deepEqual(await page.evaluate(clipped), [], where);
    const tables = await page.locator("table").all();
    assert.ok(tables.length >= 4);
    for (const table of tables) {
      const columns = await table.locator("tr").nth(1).locator("td").count();
      assert.equal(await table.locator("tr").first().locator("th").count(), columns);
    }
    await isAccessible(page);
    await screenshot(page, "report-run", screen, true);
    await context.close();
  }
});

/** Runs in the page: texts that are not visible as a whole, where nothing scrolls. */
function clipped() {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || element.tagName === "title" || !element.checkVisibility()) continue;
    if (element.closest(".scroll, details:not([open])")) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const text = range.getBoundingClientRect();
    for (let box = element; box; box = box.parentElement) {
      const { left, right, top, bottom } = box.getBoundingClientRect();
      const isCut = text.left < left - 1 || text.right > right + 1 || text.top < top - 1 || text.bottom > bottom + 1;
      if (isCut && getComputedStyle(box).overflow !== "visible") found.push(node.textContent.trim());
    }
    if (text.left < 0 || text.right > document.documentElement.clientWidth) found.push(node.textContent.trim());
  }
  return found;
}

/** Runs in the page: texts that are smaller than 9 px or have less contrast than 3 to 1. */
function smallOrFaint() {
  const found = [];
  const channel = (value) =>
    value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const parse = (color) => {
    const numbers = color.match(/[\d.]+/g).map(Number);
    return color.startsWith("color(") ? numbers : [...numbers.slice(0, 3).map((n) => n / 255), ...numbers.slice(3)];
  };
  const luminance = (rgb) => {
    const [r, g, b] = rgb.map(channel);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const rgba = parse(getComputedStyle(one).backgroundColor);
      if (rgba.length < 4 || rgba[3] > 0.5) return rgba.slice(0, 3);
    }
    return [1, 1, 1];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || !element.checkVisibility() || element.tagName === "title") continue;
    const style = getComputedStyle(element);
    const svg = element.closest("svg");
    const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
    const size = parseFloat(style.fontSize) * scale;
    const ink = luminance(parse(svg ? style.fill : style.color).slice(0, 3));
    const ground = luminance(background(element));
    const contrast = (Math.max(ink, ground) + 0.05) / (Math.min(ink, ground) + 0.05);
    if (size < 9 || contrast < 3) {
      found.push(`${node.textContent.trim().slice(0, 30)}: ${size.toFixed(1)} px, ${contrast.toFixed(1)}:1`);
    }
  }
  return found;
}
