// Drives the page in Chromium: `node page.mjs SCENARIO URL`. It says `step NAME` when it has come somewhere, and goes on when
// it is told so on standard input. What is wrong ends it with a message.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import readline from "node:readline";

const { chromium } = createRequire(`${process.env.PAGE_MODULES}/`)("playwright-core");
const [scenario, url] = process.argv.slice(2);
const PATIENCE = Number(process.env.PAGE_PATIENCE ?? 120_000);

const answers = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function step(name) {
  console.log(`step ${name}`);
  await answers.next();
}

function executable() {
  const names = [process.env.CHROMIUM_BIN, "chromium", "chromium-browser", "google-chrome"].filter(Boolean);
  const found = names.find((name) => spawnSync(name, ["--version"]).status === 0);
  assert.ok(found, `there is none of ${names.join(", ")}: .ci/setup web`);
  return found.includes("/") ? found : spawnSync("sh", ["-c", `command -v ${found}`]).stdout.toString().trim();
}

const browser = await chromium.launch({ executablePath: executable(), args: ["--no-sandbox", "--disable-dev-shm-usage"] });

// A page that must not ask for anything elsewhere, nor be refused anything by its own policy.
async function open(address, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 860 }, deviceScaleFactor: 2, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const wrong = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(new URL(url).origin)) wrong.push(`asked for ${request.url()}`);
  });
  page.on("pageerror", (error) => wrong.push(`threw ${error.stack}`));
  page.on("dialog", (dialog) => {
    wrong.push(`opened a dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("console", (message) => {
    // A reader that is away is no fault of the page.
    if (message.type() === "error" && !/ERR_|Failed to load resource/.test(message.text())) wrong.push(message.text());
  });
  await page.addInitScript(() => {
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
  });
  await page.goto(address);
  page.check = async () => {
    assert.deepEqual(wrong, []);
    assert.deepEqual(await page.evaluate(() => window.violations), []);
  };
  return page;
}

const rows = (page) => page.locator("#rows .row");
const until = (page, condition, argument) => page.waitForFunction(condition, argument, { timeout: PATIENCE });
const address = (query) => {
  const address = new URL(url);
  for (const [name, value] of Object.entries(query)) address.searchParams.set(name, value);
  return address.href;
};

const scenarios = {
  async everyday() {
    const page = await open(url);
    await until(page, () => document.querySelectorAll("#rows .row").length > 10);
    await until(page, () => document.querySelector("#state").dataset.look === "live");
    assert.match(await page.title(), /telemetry/);

    if (process.env.PAGE_PICTURES) await page.screenshot({ path: `${process.env.PAGE_PICTURES}/tail.png` });

    // What comes is shown as it comes, but not while it is paused.
    await page.keyboard.press("p");
    const before = await rows(page).count();
    await step("put one");
    await until(page, () => /1 new/.test(document.querySelector("#notice").textContent));
    assert.equal(await rows(page).count(), before);
    await page.keyboard.press("p");
    await until(page, () => document.querySelector("#rows").textContent.includes("one more line"));

    // A filter is the URL, and a URL is a filter.
    await page.selectOption('[name="level"]', "error");
    await until(page, () => document.querySelectorAll("#rows .row").length > 0 && [...document.querySelectorAll("#rows .row")].every((row) => row.matches(".error, .fatal")));
    assert.match(page.url(), /level=error/);
    const linked = await open(address({ function: "payments", text: "order [0-9]+" }));
    await until(linked, () => document.querySelectorAll("#rows .row").length > 0);
    const functions = await linked.locator("#rows .function").allTextContents();
    assert.ok(functions.every((name) => name === "payments" || name === ""), functions.join());
    assert.equal(await linked.inputValue('[name="function"]'), "payments");
    await linked.fill('[name="text"]', "(");
    await until(linked, () => document.querySelector("#notice").textContent.startsWith("This filter cannot be used"));
    await linked.check();
    await linked.close();
    await page.click("#clear");
    await until(page, () => document.querySelectorAll("#rows .row").length > 10);
    assert.doesNotMatch(page.url(), /level=/);

    // By keyboard to an invocation, with its phases and its lines; and by its URL.
    await page.keyboard.press("Escape");
    await page.locator("#rows .row", { hasText: "order 52 failed" }).first().click();
    await until(page, () => !document.querySelector("#invocation").hidden && document.querySelectorAll("#invocation .phase").length >= 2);
    const drawer = page.locator("#invocation");
    for (const text of ["cold start", "handler", "overhead", "order 52 failed", "128 MB", "forwarder.invocation"]) {
      assert.ok((await drawer.textContent()).includes(text), text);
    }
    assert.match(page.url(), /invocation=/);
    const times = await page.locator("#invocation .lines time").evaluateAll((all) => all.map((time) => time.dateTime).filter(Boolean));
    assert.deepEqual(times, [...times].sort(), "in order");
    if (process.env.PAGE_PICTURES) await page.screenshot({ path: `${process.env.PAGE_PICTURES}/invocation.png` });
    const again = await open(page.url());
    await until(again, () => !document.querySelector("#invocation").hidden);
    await again.close();
    await page.keyboard.press("Escape");
    await page.waitForSelector("#invocation", { state: "hidden" });
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    await page.keyboard.press("Enter");
    await page.waitForSelector("#invocation", { state: "visible" });
    await page.keyboard.press("Escape");

    // Charts have data, and the proof is the reader's.
    await page.keyboard.press("2");
    await until(page, () => document.querySelectorAll("#charts canvas").length === 6);
    const filled = await page.locator("#charts canvas").evaluateAll((all) =>
      all.map((canvas) => {
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        const seen = new Set();
        for (let at = 0; at < data.length; at += 4) if (data[at + 3] > 200) seen.add((data[at] << 16) | (data[at + 1] << 8) | data[at + 2]);
        return seen.size;
      }),
    );
    assert.ok(filled.every((colours) => colours > 2), `colours drawn: ${filled}`);
    const legends = (await page.locator("#charts .legend").allTextContents()).join(" ");
    for (const name of ["info", "error lines", "p50", "p95", "cold starts", "billed", "…"]) assert.ok(legends.includes(name), name);
    if (process.env.PAGE_PICTURES) await page.screenshot({ path: `${process.env.PAGE_PICTURES}/charts.png` });
    await page.keyboard.press("3");
    await until(page, () => document.querySelectorAll("#proof tbody tr").length >= 3);
    const proof = await page.locator("#proof").textContent();
    for (const text of ["complete", "lost 100–102", "lines lost", "shardId-"]) assert.ok(proof.includes(text), text);
    if (process.env.PAGE_PICTURES) await page.screenshot({ path: `${process.env.PAGE_PICTURES}/proof.png` });
    await page.keyboard.press("1");

    // Dark and light differ, and everything fits a telephone.
    const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const one = await colour();
    await page.keyboard.press("t");
    assert.notEqual(await colour(), one);
    if (process.env.PAGE_PICTURES) await page.screenshot({ path: `${process.env.PAGE_PICTURES}/tail-other.png` });
    await page.keyboard.press("t");
    await page.check();
    for (const view of ["tail", "charts", "proof"]) {
      const small = await open(address({ view }), { viewport: { width: 360, height: 740 }, colorScheme: "dark" });
      await until(small, () => document.querySelector("#state").dataset.look === "live");
      const over = await small.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(over <= 0, `${view}: ${over} px too wide`);
      if (process.env.PAGE_PICTURES) await small.screenshot({ path: `${process.env.PAGE_PICTURES}/small-${view}.png` });
      await small.check();
      await small.close();
    }
  },

  async hostile() {
    const page = await open(url);
    await until(page, () => document.body.dataset.connected === "yes");
    await step("put hostile");
    await until(page, () => Number(document.querySelector("#lines").textContent.replaceAll(",", "")) >= 50_000);
    await until(page, () => document.querySelectorAll("#rows .row").length > 100);
    await step("settled");
    await page.locator("#rows .row").last().click();
    await page.waitForSelector("#invocation", { state: "visible" });
    await until(page, () => document.querySelectorAll("#invocation .row").length > 0);
    const found = await page.evaluate(() => ({
      markup: document.querySelectorAll("#rows :is(script, img, iframe, a, b, svg, style, form, input), #invocation .lines :is(script, img, iframe, a, svg, style, form, input)").length,
      rows: document.querySelectorAll("#rows .row").length,
      hacked: window.hacked,
      text: document.querySelector("#rows").textContent,
    }));
    assert.equal(found.hacked, undefined);
    assert.equal(found.markup, 0, "text stays text");
    assert.ok(found.rows <= 1_500, `${found.rows} rows`);
    assert.ok(found.text.includes("<script>"), "and is seen as it is");
    assert.ok(!/[\u202a-\u202e\u2066-\u2069\u200b]/.test(found.text), "nothing turns a line around");
    await page.check();
  },

  async fast() {
    const page = await open(url);
    await until(page, () => document.body.dataset.connected === "yes");
    await step("put many");
    await until(page, () => /counted, not shown/.test(document.querySelector("#notice").textContent));
    await until(page, () => Number(document.querySelector("#lines").textContent.replaceAll(",", "")) >= 50_000);
    assert.ok((await rows(page).count()) <= 1_500);
    await page.check();
  },

  async reconnect() {
    const page = await open(url);
    await until(page, () => document.querySelector("#rows").textContent.includes("before"));
    await step("restart");
    await until(page, () => document.querySelector("#state").dataset.look === "away");
    await step("away");
    await until(page, () => document.querySelector("#rows").textContent.includes("after the restart"));
    await until(page, () => document.body.dataset.connected === "yes");
    await page.check();
  },

  async picture() {
    const page = await open(url, { colorScheme: "dark", viewport: { width: 1360, height: 800 } });
    await until(page, () => document.querySelectorAll("#rows .row").length > 30);
    await until(page, () => document.querySelector("#overview canvas"));
    await page.waitForTimeout(1_500);
    await page.screenshot({ path: process.env.PAGE_PICTURE });
  },
};

try {
  await scenarios[scenario]();
  console.log("done");
} finally {
  await browser.close();
}
process.exit(0);
