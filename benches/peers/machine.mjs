// What processes have used of the machine, as Linux tells it in /proc.
import { execFileSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";

const TICK_MICROSECONDS = 1e6 / Number(execFileSync("getconf", ["CLK_TCK"]));

// Processor time in microseconds: of the process, and of its children that have ended and were
// waited for.
function stat(pid) {
  let text;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return null;
  }
  // The second field is a name in brackets, and may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
  return {
    parent: fields[1],
    own: (fields[11] + fields[12]) * TICK_MICROSECONDS,
    ended: (fields[13] + fields[14]) * TICK_MICROSECONDS,
  };
}

export function cpu(pid) {
  const of = stat(pid);
  if (of === null) throw new Error(`process ${pid} has ended`);
  return of.own;
}

// The same of a process and all its children, those that have ended meanwhile included: a
// connection's process of PostgreSQL takes nothing with it when it goes.
export function cpuOfFamily(pid) {
  const parent = stat(pid);
  if (parent === null) throw new Error(`process ${pid} has ended`);
  const children = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(stat)
    .filter((child) => child?.parent === pid);
  return children.reduce((sum, child) => sum + child.own, parent.own + parent.ended);
}

export function parent(pid) {
  return stat(pid).parent;
}

// What a process holds in memory, in MiB.
export function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(status.match(/^VmRSS:\s+(\d+)/m)[1]) / 1024;
}
