// A throwaway PostgreSQL, as the tests start it, with what a measurement needs besides.
import { readFileSync } from "node:fs";
import postgres from "postgres";
import { lasting } from "./child.mjs";
import { parent } from "./machine.mjs";

const SCRIPT = new URL("../../tests/harness/postgres.sh", import.meta.url);

// Everything fits into memory, and nothing is compiled: a statement of less than a millisecond is
// done before PostgreSQL's compiler is.
const SETTINGS = [
  "shared_buffers=1GB",
  "jit=off",
  "autovacuum=off",
  "shared_preload_libraries=pg_stat_statements",
];

export async function cluster(undo) {
  const settings = SETTINGS.flatMap((setting) => ["-c", setting]);
  const said = await lasting(readFileSync(SCRIPT, "utf8"), settings, undo);
  if (!said.startsWith("ready ")) throw new Error(`PostgreSQL did not start: ${said}`);
  const folder = said.slice("ready ".length);
  const connect = (database) =>
    postgres({
      path: `${folder}/.s.PGSQL.5432`,
      user: "khabar",
      database,
      max: 1,
      onnotice: () => {},
    });
  const sql = connect("postgres");
  undo.push(() => sql.end({ timeout: 1 }));
  await sql`CREATE DATABASE archive`;
  await sql`CREATE EXTENSION pg_stat_statements`;
  // What is set on its command line could not be changed while it runs.
  const track = async (what) => {
    await sql.unsafe(`ALTER SYSTEM SET pg_stat_statements.track = '${what}'`);
    await sql`SELECT pg_reload_conf()`;
    // A connection looks for new settings when it is next woken.
    await new Promise((done) => setTimeout(done, 200));
  };
  await track("none");
  const [{ pid, version }] = await sql`SELECT pg_backend_pid() AS pid, version()`;
  return {
    url: `postgres://khabar@localhost:5432/archive?host=${folder}`,
    version: version.match(/PostgreSQL \S+/)[0],
    postmaster: parent(pid),
    // Sends a script to the archive.
    async run(script) {
      const archive = connect("archive");
      await archive.unsafe(script).simple();
      await archive.end();
    },
    // Counts the statements that are sent to the archive while `work` is done; nothing is counted
    // at other times, because counting costs.
    async statements(work) {
      await track("top");
      try {
        await sql`SELECT pg_stat_statements_reset()`;
        await work();
        const [{ calls }] = await sql`
          SELECT coalesce(sum(s.calls), 0)::int AS calls
          FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid WHERE d.datname = 'archive'`;
        return calls;
      } finally {
        await track("none");
      }
    },
  };
}
