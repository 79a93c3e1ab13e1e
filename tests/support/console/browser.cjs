// What test_console_browser.sh has a browser do: log in, look, open a dead letter, replay it, see it done. Planted markup must be text.
// Arguments: MODULE CHROMIUM URL TOKEN [FOLDER for pictures]
const [library, executablePath, url, token, pictures] = process.argv.slice(2);
const { chromium } = require(library);
const wrong = [];
const look = async (page, name) => { if (pictures) await page.screenshot({ path: `${pictures}/${name}.png`, fullPage: true }); };

async function open(browser, name, options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60000);
  page.on("pageerror", (e) => wrong.push(name + ": " + e.message));
  page.on("console", (m) => { if (m.type() === "error" && !/401/.test(m.text())) wrong.push(name + ": " + m.text()); });
  page.on("dialog", (d) => { wrong.push(name + ": planted markup ran: " + d.message()); d.dismiss(); });
  await page.goto(url);
  await page.fill("#token", token);
  await page.keyboard.press("Enter");
  await page.waitForSelector(".grid .card");
  return page;
}

// By looking only: the pages' policy lets nobody evaluate a text, the test neither.
const shows = (page, text) => page.locator("main").filter({ hasText: text }).waitFor();

async function go(page, hash, text) {
  await page.evaluate((h) => { location.hash = h; }, hash);
  await shows(page, text);
}

async function fits(page, name) {
  const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (over > 0) wrong.push(`${name}: wider than the screen by ${over} pixels`);
}

const PAGES = [["overview", "#/overview", "planted"], ["queue", "#/queues/planted", "Bands"], ["dead", "#/dead", "planted-1"], ["problems", "#/dead?view=problems", "Next step"],
  ["job", "#/job/planted/planted-1", "Payload"], ["replays", "#/replays", "Replays"], ["match", "#/match", "Match pools"], ["hosts", "#/hosts", "Hosts"], ["audit", "#/audit", "Audit log"]];

(async () => {
  const browser = await chromium.launch({ executablePath, args: ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"] });
  for (const [name, options] of [["light", { colorScheme: "light" }], ["dark", { colorScheme: "dark" }], ["phone", { viewport: { width: 390, height: 844 }, colorScheme: "light" }]]) {
    const page = await open(browser, name, options);
    for (const [title, hash, text] of PAGES) {
      await go(page, hash, text);
      await fits(page, `${name} ${title}`);
      await look(page, `${name}-${title}`);
    }
    if (name !== "phone") { await page.context().close(); continue; }
    // on a phone: a dead letter, replayed
    await go(page, "#/job/planted/planted-1", "<img src=x onerror=alert(2)>");
    if (!(await page.textContent("main")).includes("<script>alert(1)</script>")) wrong.push("the payload's text is not shown as it is");
    if (await page.locator("main img, main script").count()) wrong.push("planted markup became elements");
    await page.click("#replay");
    await look(page, "phone-dialog");
    await page.fill("dialog input", "mended");
    await page.click("dialog button[type=submit]");
    await page.waitForURL(/#\/replays\/r-/);
    await shows(page, "done");
    await look(page, "phone-replay");
    await go(page, "#/job/planted/planted-1", "ready");
    await go(page, "#/audit?actor=root", "root@console");
    await page.context().close();
  }
  await browser.close();
  for (const line of wrong) console.log("not ok - " + line);
  console.log("browser done");
  process.exit(wrong.length ? 1 : 0);
})().catch((e) => { console.log("not ok - " + e.message); process.exit(1); });
