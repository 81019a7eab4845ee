// The load generator: autocannon in a process of its own, so that what it costs is in nobody's bill.
// It reads one job in JSON a line, and answers each by a line.
import { createInterface } from "node:readline";
import autocannon from "autocannon";

async function run({ url, requests, amount, connections }) {
  const times = [];
  let begun = 0;
  let last = 0;
  const result = await new Promise((done, failed) => {
    begun = performance.now();
    const instance = autocannon(
      // It looks only so often, in milliseconds, whether it is done.
      { url, requests, amount, connections, timeout: 30, sampleInt: 50 },
      (error, result) => (error ? failed(error) : done(result)),
    );
    // Its own histogram counts in whole milliseconds.
    instance.on("response", (_client, _status, _bytes, milliseconds) => {
      times.push(milliseconds);
      last = performance.now();
    });
  });
  times.sort((one, other) => one - other);
  const percentile = (percent) => times[Math.min(times.length - 1, Math.floor((times.length * percent) / 100))];
  return {
    answered: times.length,
    failed: result.non2xx + result.errors + result.timeouts,
    seconds: (last - begun) / 1000,
    p50: percentile(50),
    p99: percentile(99),
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  let answer;
  try {
    answer = await run(JSON.parse(line));
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
