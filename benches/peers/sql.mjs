// SQL statements sent by postgres.js, prepared once on each connection.
import postgres from "postgres";

// As many connections as Khabar has for reading.
export const CONNECTIONS = 8;

export function open(url) {
  const address = new URL(url);
  const sql = postgres({
    path: `${address.searchParams.get("host")}/.s.PGSQL.${address.port}`,
    user: address.username,
    database: address.pathname.slice(1),
    max: CONNECTIONS,
    // As Khabar asks of PostgreSQL: every statement has one good plan, whatever its values.
    connection: { plan_cache_mode: "force_generic_plan" },
    types: { bigint: { to: 20, from: [20], parse: Number, serialize: String } },
  });
  // Without values it would be sent unprepared, and planned each time.
  return (text, ...values) => sql.unsafe(text, values, { prepare: true, simple: false });
}
