// Who is measured: how each is started, how it is asked, and how its answer is read.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hash, nameOf } from "./operations.mjs";
import { edges, shape } from "./postgraphile/shape.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const read = (path) => readFileSync(here(path), "utf8");
const NODE = process.execPath;

// The same documents in PostGraphile's words.
const POSTGRAPHILE = Object.fromEntries(
  ["home", "article", "story", "deep", "section"].map((name) => {
    const document = read(`postgraphile/operations/${name}.graphql`);
    return [nameOf(document), document];
  }),
);
const POSTGRAPHILE_TURN = read("postgraphile/operations/turn.graphql");
const MERCURIUS_TURN = read("mercurius/turn.graphql");

// Each server:
//   name, group   group is "khabar", "graphql" (other GraphQL servers), "statement" or "ready"
//   start         ({ url, port, files, bin }) => { command, env }; null with `absent`, why not
//   request       (operation, sample, number) => { method, path, body }
//   data          (operation, answer) => `data` in Khabar's shape
//   turn          how the cursors of far pages are found: a request and the edges in its answer;
//                 absent where the samples' own variables are what the server understands
export function servers() {
  const graphql = (body) => ({ method: "POST", path: "/graphql", body: JSON.stringify(body) });
  const khabar = (name, env) => ({
    name,
    group: "khabar",
    start: ({ url, port, bin }) => ({
      command: [`${bin}/khabar`, "serve", "--database", url, "--listen", `127.0.0.1:${port}`],
      // Others write no line for each request either.
      env: { ...env, KHABAR_LOG__FILTER: "warn" },
    }),
    absent: ({ bin }) => unknown(`${bin}/khabar`, env),
    request: (operation, sample) =>
      graphql({ query: operation.document, variables: sample.variables }),
    data: (_, answer) => answer.data,
  });
  const persistedAt = (key, extra, documents) => (operation, sample) =>
    graphql({ [key]: hash(documents(operation)), ...extra, variables: sample.variables });
  const production = ({ url, files }) => ({
    DATABASE_URL: url,
    OPERATIONS: files.documents,
    STATEMENTS: files.statements,
    NODE_ENV: "production",
    GRAPHILE_ENV: "production",
  });
  const node = (path) => (place) => ({
    command: [NODE, here(path), String(place.port)],
    env: production(place),
  });
  return [
    khabar("Khabar, cold", { KHABAR_CACHE__MAX_BYTES: "0" }),
    khabar("Khabar, warm", { KHABAR_CACHE__MAX_BYTES: String(256 << 20), KHABAR_CACHE__RESPONSES: "false" }),
    khabar("Khabar, hot", { KHABAR_CACHE__MAX_BYTES: String(256 << 20), KHABAR_CACHE__RESPONSES: "true" }),
    {
      name: "PostGraphile",
      group: "graphql",
      start: node("postgraphile/server.mjs"),
      request: persistedAt("documentId", {}, ({ document }) => POSTGRAPHILE[nameOf(document)]),
      data: ({ document }, answer) => shape(nameOf(document), answer.data),
      turn: {
        request: (variables) => graphql({ documentId: hash(POSTGRAPHILE_TURN), variables }),
        edges: ({ data }) => edges(data),
      },
    },
    {
      name: "Mercurius",
      group: "graphql",
      start: node("mercurius/server.mjs"),
      request: persistedAt("query", { persisted: true }, ({ document }) => document),
      data: (_, answer) => answer.data,
      turn: {
        request: (variables) =>
          graphql({ query: hash(MERCURIUS_TURN), persisted: true, variables }),
        edges: ({ data }) => data.section.articles.edges,
      },
    },
    {
      name: "one statement",
      group: "statement",
      start: node("statement/server.mjs"),
      request: (operation, sample) =>
        graphql({ operation: operation.place, values: sample.arguments }),
      data: (_, answer) => answer.data,
    },
    {
      name: "ready bytes",
      group: "ready",
      start: ({ port, files, bin }) => ({
        command: [`${bin}/examples/khabar-bench`, "ready", `127.0.0.1:${port}`, files.ready],
      }),
      request: (operation, _, number) => ({ method: "GET", path: `/${operation.place}-${number}` }),
      data: (_, answer) => answer.data,
    },
  ];
}

// Every document that a server may have to know beforehand.
export function documents(operations) {
  return [
    ...operations.map(({ document }) => document),
    ...Object.values(POSTGRAPHILE),
    POSTGRAPHILE_TURN,
    MERCURIUS_TURN,
  ];
}

// Which of the variables this Khabar does not know, as `khabar config` tells; none when caches are
// only switched off, which is what a Khabar without them is.
function unknown(khabar, env) {
  if (env.KHABAR_CACHE__MAX_BYTES === "0") return null;
  const known = execFileSync(khabar, ["config"], {
    encoding: "utf8",
    cwd: "/",
    env: { ...process.env, ...env },
  });
  const missing = Object.keys(env).filter((name) => !known.includes(`variable ${name}`));
  return missing.length === 0 ? null : `this Khabar does not know ${missing.join(", ")}`;
}
