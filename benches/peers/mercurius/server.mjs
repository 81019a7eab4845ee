// Mercurius as its documentation has it for production: JIT, persisted queries, a loader for each
// edge. `node server.mjs PORT`; the database is in DATABASE_URL, the operations in OPERATIONS.
import { readFileSync } from "node:fs";
import Fastify from "fastify";
import mercurius from "mercurius";
import { GraphQLScalarType } from "graphql";
import { persisted } from "../operations.mjs";
import { open } from "../sql.mjs";
import { loaders } from "./loaders.mjs";
import { resolvers } from "./resolvers.mjs";

const ask = open(process.env.DATABASE_URL);
const app = Fastify();
await app.register(mercurius, {
  schema: readFileSync(new URL("schema.graphql", import.meta.url), "utf8"),
  resolvers: {
    ...resolvers(ask),
    DateTime: new GraphQLScalarType({
      name: "DateTime",
      serialize: (date) => date.toISOString().replace(".000Z", "Z"),
    }),
  },
  loaders: loaders(ask),
  // Loaders then get their parents as they are, not through a cache that serialises them.
  cache: false,
  jit: 1,
  persistedQueries: persisted(),
  onlyPersisted: true,
});
await app.listen({ host: "127.0.0.1", port: Number(process.argv[2]) });
