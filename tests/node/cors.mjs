// The API as pages of other origins meet it, in a browser.
//
//   node cors.mjs URL TOKEN
//
// URL is the GraphQL endpoint, on 127.0.0.1, and TOKEN an editor's. Serves an empty page, which the
// browser opens as another port of this machine (once as 127.0.0.1, once as localhost) and as
// stranger.example, a name that leads here as well. Prints what fails, then "N passed, M failed".
import { createServer } from "node:http";

import { open } from "./browser.mjs";

const [url, token] = process.argv.slice(2);
if (!url || !token) {
  console.error("usage: node cors.mjs URL TOKEN");
  process.exit(2);
}

const QUERY = "{ editions { name } }";
const MUTATION = `mutation ($input: CreateTopicInput!) {
  createTopic(input: $input) { topic { name } userErrors { message } }
}`;
const EXPOSED = ["etag", "khabar-position", "x-request-id"];

// In the page: sends a request, and gives back what the page may see of the answer.
async function send({ url, body, headers, exposed }) {
  const target = body ? url : `${url}?query=${encodeURIComponent(headers.query)}`;
  const { query: _, ...sent } = headers;
  try {
    const response = await fetch(target, {
      method: body ? "POST" : "GET",
      headers: sent,
      body: body && JSON.stringify(body),
    });
    const seen = Object.fromEntries(exposed.map((name) => [name, response.headers.get(name)]));
    return { status: response.status, seen, json: await response.json() };
  } catch (error) {
    return { error: error.message };
  }
}

const pages = createServer((_, response) => {
  response.setHeader("content-type", "text/html");
  response.end("<!doctype html><title>A page of another origin</title>");
});
await new Promise((listening) => pages.listen(0, "127.0.0.1", listening));
const { port } = pages.address();

const { context, close } = await open(
  "MAP stranger.example 127.0.0.1, MAP localhost 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
);
const json = { "content-type": "application/json" };
const written = (name) => ({
  query: MUTATION,
  variables: { input: { name, idempotencyKey: name } },
});

async function on(host) {
  const page = await context.newPage();
  await page.goto(`http://${host}:${port}/`);
  return (body, headers) => page.evaluate(send, { url, body, headers, exposed: EXPOSED });
}

// Each gives back what is wrong, if anything is.
const checks = {
  "a page on another port asks by GET and reads the exposed headers": async () => {
    const asks = await on("127.0.0.1");
    const answer = await asks(null, { query: QUERY });
    const isRead = answer.json?.data?.editions?.length > 0;
    return !(isRead && EXPOSED.every((name) => answer.seen[name])) && answer;
  },
  "a page on localhost asks by POST": async () => {
    const asks = await on("localhost");
    const answer = await asks({ query: QUERY }, json);
    return !(answer.json?.data?.editions?.length > 0) && answer;
  },
  "it writes with a token, and reads its own write at the position": async () => {
    const asks = await on("localhost");
    const bearer = { ...json, authorization: `Bearer ${token}` };
    const answer = await asks(written("الصحافة"), bearer);
    const position = answer.seen?.["khabar-position"];
    if (answer.json?.data?.createTopic?.topic?.name !== "الصحافة" || !position) return answer;
    const again = await asks({ query: QUERY }, { ...bearer, "khabar-position": position });
    const [epoch, seq] = position.split("-").map(Number);
    const told = (again.seen?.["khabar-position"] ?? "").split("-").map(Number);
    return !(told[0] === epoch && told[1] >= seq) && again;
  },
  "it reads why it was refused": async () => {
    const asks = await on("127.0.0.1");
    const answer = await asks({ query: QUERY }, { ...json, authorization: "Bearer nonsense" });
    const code = answer.json?.errors?.[0]?.extensions?.code;
    return !(answer.status === 401 && code === "UNAUTHENTICATED") && answer;
  },
  "a page of an origin that is not allowed reads nothing and writes nothing": async () => {
    const asks = await on("stranger.example");
    const bearer = { ...json, authorization: `Bearer ${token}` };
    const answers = [
      await asks(null, { query: QUERY }),
      await asks({ query: QUERY }, json),
      await asks(written("الطقس"), bearer),
    ];
    // Asked without a browser, which tells everything to everybody.
    const find = { query: "query ($slug: Slug!) { topic(slug: $slug) { name } }" };
    const body = JSON.stringify({ ...find, variables: { slug: "الطقس" } });
    const found = await (await fetch(url, { method: "POST", headers: json, body })).json();
    const isKept = answers.every((answer) => answer.error) && found.data?.topic === null;
    return !isKept && { answers, found };
  },
};

let failed = 0;
try {
  for (const [name, check] of Object.entries(checks)) {
    const wrong = await check().catch((error) => error.message);
    if (wrong) {
      failed += 1;
      console.log(`${name}: ${JSON.stringify(wrong)}`);
    }
  }
} finally {
  await close();
  pages.close();
}
console.log(`${Object.keys(checks).length - failed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
