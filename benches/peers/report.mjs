// The report: Markdown, for a reader who has never seen the program.
import { cpus } from "node:os";
import { readFileSync } from "node:fs";

export function median(numbers) {
  const sorted = numbers.toSorted((one, other) => one - other);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

const whole = (number) => Math.round(number).toLocaleString("en-US");
const table = (heads, rows) =>
  [heads, heads.map((_, column) => (column < 2 ? "---" : "---:")), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");

// `measured` is a list of { server, operation, rounds, statements }; a round has rate, p50, p99 (ms),
// and processor time of server and database (µs) for one request.
export function report({ plan, operations, measured, memories, shelf, versions }) {
  const figures = measured.map(({ server, operation, rounds, statements }) => {
    const middle = (value) => median(rounds.map(value));
    return {
      server,
      operation,
      statements,
      rate: middle((round) => round.rate),
      p50: middle((round) => round.p50),
      p99: middle((round) => round.p99),
      own: middle((round) => round.server),
      database: middle((round) => round.database),
      together: middle((round) => round.server + round.database),
    };
  });
  const rows = operations.flatMap((operation) => {
    const of = figures.filter((figure) => figure.operation === operation);
    // The figure as so many times that of the cheapest of a group.
    const times = (figure, group) => {
      const others = of.filter(({ server }) => server.group === group);
      if (others.length === 0) return "-";
      return (figure.together / Math.min(...others.map(({ together }) => together))).toFixed(2);
    };
    return of.map((figure, place) => [
      place === 0 ? operation.name : "",
      figure.server.name,
      figure.statements.toFixed(1),
      whole(figure.rate),
      figure.p50.toFixed(2),
      figure.p99.toFixed(2),
      whole(figure.own),
      whole(figure.database),
      whole(figure.together),
      times(figure, "graphql"),
      times(figure, "statement"),
    ]);
  });
  const heads = [
    "operation",
    "answered by",
    "statements",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "server µs",
    "PostgreSQL µs",
    "together µs",
    "× best peer",
    "× statement",
  ];
  const memory = [...memories].map(([server, mib]) => `${server.name} ${whole(mib)}`).join(", ");
  const said = Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(", ");
  return `\`just bench-peers\`, ${new Date().toISOString().slice(0, 10)}, on ${cpus().length} cores (${processor()}):
${plan.articles.toLocaleString("en-US")} articles, ${plan.connections} kept connections, medians of ${plan.rounds} ${plan.rounds === 1 ? "round" : "rounds"} of about ${plan.seconds} s for each figure, in turns.
Processor time is that of one request, in microseconds, user and kernel.

${table(heads, rows)}

Resident memory after the run, in MiB: ${memory}.
${shelf ? `With the cards of ${shelf.cards.toLocaleString("en-US")} articles kept, ${shelf.server.name} has ${whole(shelf.mib)} MiB.\n` : ""}
Versions: ${said}.
`;
}

function processor() {
  const name = readFileSync("/proc/cpuinfo", "utf8").match(/^model name\s*:\s*(.+)$/m);
  return name ? name[1].trim() : "unknown";
}
