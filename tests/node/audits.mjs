// Every audit of the GraphQL over HTTP specification that the graphql-http package has.
//
//   node audits.mjs URL
//
// URL is the GraphQL endpoint. Prints each audit that fails (what the specification only recommends
// counts as much as what it demands), then "N passed, M failed"; exits with 1 when any failed, or when
// fewer ran than the package is known to have.
import { auditServer } from "graphql-http";

const AUDITS = 61;

const [url] = process.argv.slice(2);
if (!url) {
  console.error("usage: node audits.mjs URL");
  process.exit(2);
}

const results = await auditServer({ url });
const failed = results.filter((result) => result.status !== "ok");
const LEVEL = { error: "MUST", warn: "SHOULD", notice: "MAY" };
for (const { id, name, status, reason } of failed) {
  console.log(`${LEVEL[status]} ${id} ${name}: ${reason}`);
}
if (results.length < AUDITS) {
  console.log(`only ${results.length} of ${AUDITS} audits ran`);
}
console.log(`${results.length - failed.length} passed, ${failed.length} failed`);
process.exitCode = failed.length > 0 || results.length < AUDITS ? 1 : 0;
