// A server that runs: it is asked, compared, put to sleep and woken.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { canonical } from "./canonical.mjs";
import { start } from "./child.mjs";

// What every request says of itself.
export const HEADERS = { "content-type": "application/json", accept: "application/json" };

// Starts a server and waits until it listens.
export async function begin(server, place, undo) {
  const port = await freePort();
  const log = join(place.folder, `${port}.log`);
  const pid = await start(server.start({ ...place, port }), log, undo);
  // A process that sleeps costs nothing, so that what is measured is the one that is awake.
  const wake = async () => {
    process.kill(pid, "SIGCONT");
    // Timers that came due meanwhile are none of a request's cost.
    await new Promise((done) => setTimeout(done, 100));
  };
  const sleep = () => process.kill(pid, "SIGSTOP");
  const address = `http://127.0.0.1:${port}`;
  await listening(address, pid, server, log);
  const ask = async ({ method, path, body }) => {
    const response = await fetch(address + path, { method, headers: HEADERS, body });
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
    async samples(archive) {
      const each = archive.operations.map(({ samples }) => samples);
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
  };
}

// The first answer that is not as expected, for a person to read; null if all are.
export function difference(answers, expected) {
  const short = (text) => String(text).slice(0, 2_000);
  for (const [place, { operation, number, text, data }] of answers.entries()) {
    const wanted = expected[place].data;
    if (data === null || !isDeepStrictEqual(data, wanted)) {
      return [
        `${operation.name}, sample ${number}:`,
        short(text),
        "read as:",
        short(JSON.stringify(data)),
        "expected:",
        short(JSON.stringify(wanted)),
      ].join("\n");
    }
  }
  return null;
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
    const parsed = JSON.parse(answer);
    if (parsed.errors) throw new Error(`the section is not answered: ${answer.slice(0, 500)}`);
    const edges = turn.edges(parsed);
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
