// Khabar beside its peers: the same questions, the same database, in turns. README.md says how.
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cluster } from "./cluster.mjs";
import { generator } from "./generator.mjs";
import { cpu, cpuOfFamily, memory } from "./machine.mjs";
import { plan } from "./plan.mjs";
import { report } from "./report.mjs";
import { HEADERS, begin, difference } from "./running.mjs";
import { documents, servers } from "./servers.mjs";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const say = (text) => process.stderr.write(`${text}\n`);

// What is to be undone at the end, the last thing first.
const undo = [];
let leaving;
function leave() {
  leaving ??= (async () => {
    for (const step of undo.reverse()) {
      try {
        await step();
      } catch (error) {
        say(`could not clean up: ${error.message}`);
      }
    }
  })();
  return leaving;
}
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => leave().then(() => process.exit(130)));
}

async function main() {
  const planned = plan();
  const folder = mkdtempSync(join(tmpdir(), "khabar-peers-"));
  undo.push(() => rmSync(folder, { recursive: true, force: true }));
  const bin = resolve(process.env.CARGO_TARGET_DIR ?? here("../../target"), "dist");

  say("starting PostgreSQL");
  const database = await cluster(undo);
  say(`writing ${planned.articles} articles`);
  const archive = await fill(`${bin}/examples/khabar-bench`, database.url, planned.articles);
  await database.run(readFileSync(here("postgraphile/schema.sql"), "utf8"));
  await database.run("CHECKPOINT");
  const operations = archive.operations.map((operation, place) => ({ ...operation, place }));
  const files = filesFor(operations, folder);

  const place = { url: database.url, files, bin, folder };
  const running = await everybody(planned, { ...archive, operations }, place);
  const load = await generator(undo);
  const measured = [];
  for (const one of running) measured.push(...(await counted(one, operations, planned, database, load)));
  await rounds(measured, operations, planned, database, load);
  const memories = new Map(running.map(({ server, pid }) => [server, memory(pid)]));
  const keeping = running.find(({ server }) => server.name === KEEPING);
  const shelf = keeping && { server: keeping.server, ...(await everyCard(keeping)) };
  const versions = await versionsOf(database, bin);
  process.stdout.write(report({ plan: planned, operations, measured, memories, shelf, versions }));
}

// What servers are told by files.
function filesFor(operations, folder) {
  const files = {
    documents: join(folder, "documents.json"),
    statements: join(folder, "statements.json"),
    ready: join(folder, "ready"),
  };
  writeFileSync(files.documents, JSON.stringify(documents(operations)));
  writeFileSync(files.statements, JSON.stringify(operations.map(({ statement }) => statement)));
  mkdirSync(files.ready);
  return files;
}

// Starts everybody who is wanted, and puts to sleep: those whose answers are the first one's, which
// are also what the ready bytes are.
async function everybody({ only }, archive, place) {
  const { operations } = archive;
  const [reference, ...others] = servers();
  const named = ({ name }) => !only || only.some((start) => name.toLowerCase().startsWith(start));
  let expected = null;
  const running = [];
  for (const server of [reference, ...others.filter(named)]) {
    const why = server.absent?.(place);
    if (why) {
      say(`${server.name} is left out: ${why}`);
      continue;
    }
    say(`starting ${server.name}`);
    const begun = await begin(server, place, undo);
    const samples = await begun.samples(archive);
    const answers = await begun.answers(operations, samples);
    if (expected === null) {
      expected = answers;
      for (const { operation, number, text } of answers) {
        writeFileSync(join(place.files.ready, `${operation.place}-${number}`), text);
      }
    }
    const differs = difference(answers, expected);
    if (differs) {
      process.exitCode = 1;
      say(`${server.name} is not measured: it answers otherwise than ${reference.name}\n${differs}`);
    } else {
      running.push({ ...begun, samples });
    }
    begun.sleep();
  }
  return running;
}

// The operations of one server, with the statements that each takes on average, and a job for the load
// generator that is a round long.
async function counted(one, operations, { seconds, connections }, database, load) {
  const measured = [];
  await one.wake();
  for (const operation of operations) {
    const sent = one.samples[operation.place].map((sample, number) =>
      one.server.request(operation, sample, number),
    );
    const asked = Math.max(100, sent.length);
    const calls = await database.statements(async () => {
      for (let number = 0; number < asked; number += 1) await one.ask(sent[number % sent.length]);
    });
    const requests = sent.map((request) => ({ ...request, headers: HEADERS }));
    const job = { url: one.address, requests, connections };
    // Its pace, once it has compiled what it compiles, says how many requests make a round.
    await load({ ...job, amount: 400 });
    const pace = await load({ ...job, amount: 200 });
    const amount = Math.max(100, Math.ceil((pace.answered / pace.seconds) * seconds));
    const statements = calls / asked;
    measured.push({ ...one, operation, statements, rounds: [], job: { ...job, amount } });
  }
  one.sleep();
  say(`${one.server.name} has its statements counted, and its pace`);
  return measured;
}

// Measures everybody in turns; the first round only warms it all up.
async function rounds(measured, operations, planned, database, load) {
  for (let round = 0; round <= planned.rounds; round += 1) {
    say(`round ${round} of ${planned.rounds}`);
    for (const operation of operations) {
      for (const one of measured.filter((one) => one.operation === operation)) {
        await one.wake();
        const before = [cpu(one.pid), cpuOfFamily(database.postmaster)];
        const pace = await load(one.job);
        const after = [cpu(one.pid), cpuOfFamily(database.postmaster)];
        one.sleep();
        if (pace.failed > 0) throw new Error(`${one.server.name} failed ${pace.failed} requests`);
        if (round === 0) continue;
        one.rounds.push({
          rate: pace.answered / pace.seconds,
          p50: pace.p50,
          p99: pace.p99,
          server: (after[0] - before[0]) / pace.answered,
          database: (after[1] - before[1]) / pace.answered,
        });
      }
    }
  }
}

// Who is to keep the card of every article, so that it is seen how much room they take.
const KEEPING = "Khabar, warm";
const CARDS = `query Cards($after: String) {
  articles(first: 100, after: $after) {
    pageInfo { hasNextPage endCursor }
    nodes { headline slug lead publishedAt commentCount hero { url alt } section { name slug } }
  }
}`;

// Asks for every article once: how many there were, and how much memory the server has then.
async function everyCard(one) {
  await one.wake();
  let cards = 0;
  for (let page = { hasNextPage: true, endCursor: null }; page.hasNextPage; ) {
    const body = JSON.stringify({ query: CARDS, variables: { after: page.endCursor } });
    const { data } = JSON.parse(await one.ask({ method: "POST", path: "/graphql", body }));
    cards += data.articles.nodes.length;
    page = data.articles.pageInfo;
  }
  const mib = memory(one.pid);
  one.sleep();
  return { cards, mib };
}

// Writes the archive into the database: what there is to ask of it.
async function fill(program, url, articles) {
  const filling = promisify(execFile)(program, ["fill", url, String(articles)], {
    maxBuffer: 1 << 30,
  });
  undo.push(() => filling.child.kill());
  const { stdout } = await filling;
  return JSON.parse(stdout);
}

async function versionsOf(database, bin) {
  const { dependencies } = JSON.parse(readFileSync(here("package.json"), "utf8"));
  const khabar = execFileSync(`${bin}/khabar`, ["--version"], { encoding: "utf8" }).trim();
  const lock = readFileSync(here("../../Cargo.lock"), "utf8");
  const { node: _, "@grafserv/persisted": __, ...packages } = dependencies;
  return {
    Khabar: khabar.replace("khabar ", ""),
    PostgreSQL: database.version.replace("PostgreSQL ", ""),
    "Node.js": process.versions.node,
    ...packages,
    axum: lock.match(/name = "axum"\nversion = "(.+)"/)[1],
  };
}

try {
  await main();
} catch (error) {
  if (!leaving) {
    process.exitCode = 1;
    say(error.stack ?? String(error));
  }
} finally {
  await leave();
}
