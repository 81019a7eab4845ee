// What the command line says is to be done.
import { parseArgs } from "node:util";

const USAGE = `usage: just bench-peers [--small] [--articles N] [--rounds N] [--seconds S] [--only NAME,NAME]

  --small      finds out whether everything works: 2,000 articles, one short round
  --articles   how many articles there are (100,000)
  --rounds     in how many rounds, with all others in between (5)
  --seconds    how long a server is asked for one operation in one round, about (2)
  --only       only these servers, by the beginning of their names`;

// As many as `just bench` keeps: two for each core of the machine that its figures are from.
const CONNECTIONS = 4;

export function plan() {
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
    process.stderr.write(`${USAGE}\n`);
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
