// Khabar beside its peers: the same questions, the same database, in turns. README.md says how.
import { execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isDeepStrictEqual, parseArgs, promisify } from "node:util";
import { canonical } from "./canonical.mjs";
import { start } from "./child.mjs";
import { cluster } from "./cluster.mjs";
import { cpu, cpuOfFamily, memory } from "./machine.mjs";
import { report } from "./report.mjs";
import { documents, servers } from "./servers.mjs";

const USAGE = `usage: just bench-peers [--small] [--articles N] [--rounds N] [--seconds S] [--only NAME,NAME]

  --small      finds out whether everything works: 2,000 articles, one short round
  --articles   how many articles there are (100,000)
  --rounds     in how many rounds, with all others in between (5)
  --seconds    how long a server is asked for one operation in one round, about (2)
  --only       only these servers, by the beginning of their names`;

// As many as `just bench` keeps: two for each core of the machine that its figures are from.
const CONNECTIONS = 4;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const say = (text) => process.stderr.write(`${text}\n`);

function plan() {
  const { values } = parseArgs({
    options: {
      small: { type: "boolean" },
      articles: { type: "string" },
      rounds: { type: "string" },
      seconds: { type: "string" },
      only: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (values.help) {
    say(USAGE);
    process.exit(0);
  }
  const number = (name, usual) => {
    const value = Number(values[name] ?? usual);
    if (!(value > 0)) throw new Error(`--${name} is not a number above 0\n${USAGE}`);
    return value;
  };
  return {
    articles: number("articles", values.small ? 2_000 : 100_000),
    rounds: number("rounds", values.small ? 1 : 5),
    seconds: number("seconds", values.small ? 0.3 : 2),
    only: values.only?.split(",").map((name) => name.trim().toLowerCase()),
    connections: CONNECTIONS,
  };
}

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
  const bin = join(process.env.CARGO_TARGET_DIR ?? here("../../target"), "release");

  say("starting PostgreSQL");
  const database = await cluster(undo);
  say(`writing ${planned.articles} articles`);
  const archive = await fill(`${bin}/examples/khabar-bench`, database.url, planned.articles);
  await database.run(readFileSync(here("postgraphile/schema.sql"), "utf8"));
  await database.run("CHECKPOINT");
  const operations = archive.operations.map((operation, place) => ({ ...operation, place }));
  const files = {
    documents: join(folder, "documents.json"),
    statements: join(folder, "statements.json"),
    ready: join(folder, "ready"),
  };
  writeFileSync(files.documents, JSON.stringify(documents(operations)));
  writeFileSync(files.statements, JSON.stringify(operations.map(({ statement }) => statement)));
  mkdirSync(files.ready);

  // The first is what all others are compared with.
  const all = servers();
  const wanted = all.filter(
    ({ name }, place) =>
      place === 0 || !planned.only || planned.only.some((only) => name.toLowerCase().startsWith(only)),
  );
  let expected = null;
  const running = [];
  for (const server of wanted) {
    const why = server.absent?.({ bin });
    if (why) {
      say(`${server.name} is left out: ${why}`);
      continue;
    }
    say(`starting ${server.name}`);
    const begun = await begin(server, { url: database.url, files, bin, folder });
    const samples = await begun.samples(operations, archive);
    if (expected === null) {
      expected = await begun.answers(operations, samples);
      for (const { operation, number, text } of expected) {
        writeFileSync(join(files.ready, `${operation.place}-${number}`), text);
      }
    }
    const differs = await begun.compare(expected, operations, samples);
    if (differs) {
      process.exitCode = 1;
      say(`${server.name} is not measured: it answers otherwise than ${wanted[0].name}\n${differs}`);
    } else {
      running.push({ ...begun, samples });
    }
    begun.sleep();
  }

  const load = await generator();
  const measured = [];
  for (const one of running) {
    one.wake();
    for (const operation of operations) {
      const sent = one.samples[operation.place].map((sample, number) =>
        one.server.request(operation, sample, number),
      );
      const asked = Math.max(100, sent.length);
      const calls = await database.statements(async () => {
        for (let number = 0; number < asked; number += 1) await one.ask(sent[number % sent.length]);
      });
      const requests = sent.map((request) => ({
        ...request,
        headers: { "content-type": "application/json", accept: "application/json" },
      }));
      const job = { url: one.address, requests, connections: CONNECTIONS };
      // Its pace, once it has compiled what it compiles, says how many requests make a round.
      await load({ ...job, amount: 400 });
      const pace = await load({ ...job, amount: 200 });
      const amount = Math.ceil((pace.answered / pace.seconds) * planned.seconds);
      measured.push({
        ...one,
        operation,
        statements: calls / asked,
        rounds: [],
        job: { ...job, amount: Math.max(amount, 100) },
      });
    }
    one.sleep();
    say(`${one.server.name} has its statements counted, and its pace`);
  }
  // The first round only warms it all up.
  for (let round = 0; round <= planned.rounds; round += 1) {
    say(`round ${round} of ${planned.rounds}`);
    for (const operation of operations) {
      for (const one of measured.filter((one) => one.operation === operation)) {
        one.wake();
        const spent = () => [cpu(one.pid), cpuOfFamily(database.postmaster)];
        const before = spent();
        const pace = await load(one.job);
        const after = spent();
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
  const memories = new Map(running.map(({ server, pid }) => [server, memory(pid)]));
  const versions = await versionsOf(database, bin);
  process.stdout.write(report({ plan: planned, operations, measured, memories, versions }));
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

// Starts a server and waits until it listens.
async function begin(server, place) {
  const port = await freePort();
  const log = join(place.folder, `${port}.log`);
  const pid = await start(server.start({ ...place, port }), log, undo);
  // A process that sleeps costs nothing, so that what is measured is the one that is awake.
  const wake = () => process.kill(pid, "SIGCONT");
  const sleep = () => process.kill(pid, "SIGSTOP");
  const address = `http://127.0.0.1:${port}`;
  await listening(address, pid, server, log);
  const ask = async ({ method, path, body }) => {
    const headers = { "content-type": "application/json", accept: "application/json" };
    const response = await fetch(address + path, { method, headers, body });
    return response.text();
  };
  return {
    server,
    pid,
    address,
    wake,
    sleep,
    ask,
    // The samples of each operation, with cursors of this server's own.
    async samples(operations, archive) {
      const each = operations.map(({ samples }) => samples);
      if (!server.turn) return each;
      return Promise.all(
        each.map((samples) =>
          samples[0].variables.after === undefined
            ? samples
            : farPages(server.turn, ask, samples, (archive.far_page - 1) * 20),
        ),
      );
    },
    // What it answers to every sample.
    async answers(operations, samples) {
      const answers = [];
      for (const operation of operations) {
        for (const [number, sample] of samples[operation.place].entries()) {
          const text = await ask(server.request(operation, sample, number));
          answers.push({ operation, number, text, data: read(server, operation, text) });
        }
      }
      return answers;
    },
    // The first answer that is not as expected, for a person to read; none if all are.
    async compare(expected, operations, samples) {
      const answers = await this.answers(operations, samples);
      for (const [place, { operation, number, text, data }] of answers.entries()) {
        const wanted = expected[place].data;
        if (data === null || !isDeepStrictEqual(data, wanted)) {
          return `${operation.name}, sample ${number}:\n${text.slice(0, 2_000)}\n${JSON.stringify(data)?.slice(0, 2_000)}\nexpected:\n${JSON.stringify(wanted).slice(0, 2_000)}`;
        }
      }
      return null;
    },
  };
}

// The data of an answer in the form in which all are compared; null where there is none.
function read(server, operation, text) {
  try {
    const answer = JSON.parse(text);
    return answer.errors ? null : canonical(server.data(operation, answer));
  } catch {
    return null;
  }
}

// The samples with the cursors of this server, found as a reader would, by turning pages.
async function farPages(turn, ask, samples, skipped) {
  const cursors = [];
  while (cursors.length < skipped + samples.length) {
    const { slug } = samples[0].variables;
    const answer = await ask(turn.request({ slug, after: cursors.at(-1) }));
    const edges = turn.edges(JSON.parse(answer));
    if (edges.length === 0) throw new Error(`the section is too short: ${answer.slice(0, 500)}`);
    cursors.push(...edges.map(({ cursor }) => cursor));
  }
  return samples.map((sample, number) => ({
    ...sample,
    variables: { ...sample.variables, after: cursors[skipped - 1 + number] },
  }));
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

async function listening(address, pid, server, log) {
  const begun = Date.now();
  for (;;) {
    try {
      const response = await fetch(address);
      await response.arrayBuffer();
      return;
    } catch (error) {
      const gone = !alive(pid);
      if (gone || Date.now() - begun > 60_000) {
        throw new Error(`${server.name} does not listen (${error.message}):\n${readFileSync(log, "utf8")}`);
      }
      await new Promise((done) => setTimeout(done, 50));
    }
  }
}

function alive(pid) {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1][0] !== "Z";
  } catch {
    return false;
  }
}

// The load generator: a function that has a job done.
async function generator() {
  const child = spawn(process.execPath, [here("load.mjs")], { stdio: ["pipe", "pipe", "inherit"], detached: true });
  const ended = once(child, "exit");
  undo.push(async () => {
    child.stdin.destroy();
    child.kill("SIGKILL");
    await ended;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async (job) => {
    child.stdin.write(`${JSON.stringify(job)}\n`);
    const { value, done } = await lines.next();
    if (done) throw new Error("the load generator has ended");
    const answer = JSON.parse(value);
    if (answer.error) throw new Error(`the load generator: ${answer.error}`);
    return answer;
  };
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
