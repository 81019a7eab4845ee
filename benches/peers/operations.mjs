// The operations: what they are called, and how a server that knows them beforehand is told them.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

// By this a client names a document that both sides know.
export function hash(document) {
  return createHash("sha256").update(document).digest("hex");
}

// Documents by their hash. The file in OPERATIONS is a JSON list of them.
export function persisted() {
  const documents = JSON.parse(readFileSync(process.env.OPERATIONS, "utf8"));
  return Object.fromEntries(documents.map((document) => [hash(document), document]));
}

// The word after `query`: the pages of a section share one document.
export function nameOf(document) {
  return document.match(/^query (\w+)/m)[1];
}
