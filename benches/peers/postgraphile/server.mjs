// PostGraphile as its documentation has it for production: persisted operations, no GraphiQL, nothing
// watched, and no settings for each request, so that no transaction is begun for one.
// `node server.mjs PORT`; the database is in DATABASE_URL, the operations in OPERATIONS.
import { createServer } from "node:http";
import { PersistedPlugin } from "@grafserv/persisted";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { persisted } from "../operations.mjs";
import { CONNECTIONS } from "../sql.mjs";

const url = new URL(process.env.DATABASE_URL);
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [PersistedPlugin],
  pgServices: [
    makePgService({
      schemas: ["public"],
      pubsub: false,
      poolConfig: {
        host: url.searchParams.get("host"),
        port: Number(url.port),
        // Sees what readers see (schema.sql).
        user: "reader",
        database: url.pathname.slice(1),
        max: CONNECTIONS,
        // As everybody else here (../sql.mjs).
        options: "-c plan_cache_mode=force_generic_plan",
      },
    }),
  ],
  // Lists as lists, where nobody turns pages.
  schema: { defaultBehavior: "+list" },
  grafast: { explain: false },
  grafserv: {
    graphiql: false,
    watch: false,
    websockets: false,
    persistedOperations: persisted(),
  },
});
const service = instance.createServ(grafserv);
const server = createServer();
await service.addTo(server);
await instance.getSchema();
server.listen(Number(process.argv[2]), "127.0.0.1");
