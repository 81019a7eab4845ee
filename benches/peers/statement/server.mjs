// One hand-written SQL statement for each operation, which makes the whole answer in PostgreSQL
// (`benches/operations/*.sql`), and Fastify to send it. `node server.mjs PORT`; the database is in
// DATABASE_URL, and the statements in STATEMENTS, a JSON list in a file.
import { readFileSync } from "node:fs";
import Fastify from "fastify";
import { open } from "../sql.mjs";

const ask = open(process.env.DATABASE_URL);
const statements = JSON.parse(readFileSync(process.env.STATEMENTS, "utf8"));
const app = Fastify();
app.post("/graphql", async (request, reply) => {
  const { operation, values } = request.body;
  const [[data]] = await ask(statements[operation], ...values).values();
  reply.type("application/json; charset=utf-8");
  return `{"data":${data}}`;
});
await app.listen({ host: "127.0.0.1", port: Number(process.argv[2]) });
