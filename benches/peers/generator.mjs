// The load generator's process, from outside.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("load.mjs", import.meta.url));

// Starts it: a function that has a job done (`load.mjs`).
export async function generator(undo) {
  const child = spawn(process.execPath, [PROGRAM], {
    stdio: ["pipe", "pipe", "inherit"],
    detached: true,
  });
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
