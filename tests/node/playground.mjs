// The playground as a reader meets it: in a browser, by keyboard, without the rest of the network.
//
//   node playground.mjs URL HEADLINE [SCREENSHOT]
//
// URL is the server's address. Opens URL/playground, runs every tab with Ctrl+Enter, and looks for
// HEADLINE in the result pane of the first. Exits with 1 when it does not appear, when a tab is
// answered with errors or without a word of Arabic, when the page asks for anything of another origin,
// and when the console tells of an error or a breach of the content security policy.
import { open } from "./browser.mjs";

const TABS = ["Home", "ArticlePage", "StoryPage", "RelatedArticles"];
const ARABIC = /[\u0621-\u064a]{2}/;

const [address, headline, screenshot] = process.argv.slice(2);
if (!address || !headline) {
  console.error("usage: node playground.mjs URL HEADLINE [SCREENSHOT]");
  process.exit(2);
}
const { origin, hostname } = new URL(address);
const faults = [];

const { context: browser, close } = await open(`MAP * ~NOTFOUND, EXCLUDE ${hostname}`);
const page = browser.pages()[0] ?? (await browser.newPage());
const editor = page.locator(".graphiql-query-editor .monaco-editor textarea").first();
const pane = page.locator(".result-window");

async function watch() {
  const elsewhere = (url) => url.origin !== origin && !["blob:", "data:"].includes(url.protocol);
  await browser.route(elsewhere, (route) => {
    faults.push(`asked for ${route.request().url()}`);
    return route.abort("blockedbyclient");
  });
  page.on("console", (message) => {
    const text = message.text();
    if (message.type() === "error" || /content security policy/i.test(text)) {
      faults.push(`console: ${text} (${message.location().url})`);
    }
  });
  page.on("pageerror", (error) => faults.push(`uncaught: ${error.message}`));
  page.on("response", (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} from ${response.url()}`);
  });
}

// From where the focus is into the editor, by Tab and Enter.
async function reachEditor() {
  for (let presses = 0; presses < 80; presses += 1) {
    if (await editor.evaluate((element) => element === document.activeElement)) return;
    const atEditor = await page.evaluate(
      () => document.activeElement?.matches(".graphiql-query-editor .graphiql-editor") ?? false,
    );
    await page.keyboard.press(atEditor ? "Enter" : "Tab");
  }
  throw new Error("the keyboard does not reach the editor");
}

// Runs what the editor holds and gives back the answer. GraphiQL learns the name of a new tab's
// operation a moment after the tab is shown and asks for the last tab's till then: whoever is that
// quick presses again.
async function run(operation) {
  for (let presses = 0; presses < 10; presses += 1) {
    const answered = page.waitForResponse((answer) => new URL(answer.url()).pathname === "/graphql");
    await page.keyboard.press("Control+Enter");
    const response = await answered;
    if (response.request().postDataJSON()?.operationName === operation) return response.json();
    await page.waitForTimeout(200);
  }
  throw new Error(`the playground does not ask for ${operation}`);
}

// The lines of the pane that are in view, as one text. Monaco keeps them in no order, writes no-break
// spaces, and breaks long lines.
const squeeze = (text) => text.replaceAll(/\s+/g, "");
const inView = async () =>
  squeeze(
    await pane.locator(".view-line").evaluateAll((lines) =>
      lines
        .sort((one, other) => parseFloat(one.style.top) - parseFloat(other.style.top))
        .map((line) => line.textContent)
        .join(""),
    ),
  );

// Waits for the answer in the pane, then turns its pages until one has what is sought.
async function find(sought, what) {
  const deadline = performance.now() + 20_000;
  while (!(await inView()).includes('"data":')) {
    if (performance.now() > deadline) throw new Error("the result pane stays empty");
    await page.waitForTimeout(50);
  }
  let seen;
  for (let text = await inView(); text !== seen; text = await inView()) {
    if (sought(text)) return;
    seen = text;
    await pane.locator("textarea").first().focus();
    await page.keyboard.press("PageDown");
    await page.waitForTimeout(100);
  }
  throw new Error(`the result pane has no ${what}; its end is: ${seen}`);
}

async function read() {
  await page.goto(`${origin}/playground`);
  const title = await page.title();
  if (!title.includes("Khabar")) faults.push(`the title is ${JSON.stringify(title)}`);

  await editor.waitFor({ state: "attached" });
  const buttons = page.locator(".graphiql-tab-button");
  const tabs = await buttons.allTextContents();
  if (tabs.join() !== TABS.join()) faults.push(`the tabs are ${tabs.join(", ") || "none"}`);

  for (const [index, tab] of tabs.entries()) {
    if (index > 0) {
      await buttons.nth(index).focus();
      await page.keyboard.press("Enter");
    }
    await reachEditor();
    const { errors } = await run(tab);
    if (errors) faults.push(`${tab}: ${JSON.stringify(errors)}`);
    if (index === 0) {
      await find((text) => text.includes(squeeze(headline)), headline);
      if (screenshot) await page.screenshot({ path: screenshot });
    } else {
      await find((text) => ARABIC.test(text), `Arabic for ${tab}`);
    }
  }
}

try {
  await watch();
  await read();
} catch (error) {
  faults.push(error.message);
  if (screenshot) await page.screenshot({ path: screenshot });
} finally {
  await close();
}

for (const fault of faults) console.error(fault);
console.log(faults.length === 0 ? `found ${headline}` : `faults: ${faults.length}`);
process.exitCode = faults.length === 0 ? 0 : 1;
