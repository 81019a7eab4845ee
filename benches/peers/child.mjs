// Processes that end when the run does, in whatever way it ends: a shell stands between, which
// waits for its standard input to close.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname } from "node:path";
import { createInterface } from "node:readline";

const SUPERVISOR = `
log=$1; shift
"$@" >"$log" 2>&1 </dev/null &
child=$!
trap : PIPE
echo $child
cat >/dev/null
kill -KILL $child
wait $child 2>/dev/null
`;

// Runs a shell script that says one line when it is ready and lasts until its input closes, in a
// process group of its own: a Ctrl-C in the terminal is for the run, which then cleans up.
export async function lasting(script, args, undo, cwd) {
  const shell = spawn("sh", ["-c", script, "sh", ...args], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
    cwd,
  });
  const ended = once(shell, "exit");
  undo.push(async () => {
    shell.stdin.end();
    await ended;
  });
  shell.stdin.on("error", () => {});
  const lines = createInterface({ input: shell.stdout });
  const [line] = await Promise.race([once(lines, "line"), ended.then(() => [""])]);
  return line;
}

// Starts a command with an environment; its process id. What it says goes into the file `log`, in
// whose folder it works: no settings of its own lie there.
export async function start({ command, env = {} }, log, undo) {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  const line = await lasting(SUPERVISOR, [log, "env", ...variables, ...command], undo, dirname(log));
  return Number(line);
}
