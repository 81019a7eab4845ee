// Chromium without the rest of the network. CHROMIUM names it; /usr/bin/chromium if that is not set.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { chromium } from "playwright-core";

// Opens it. `rules` says what names resolve to, as --host-resolver-rules takes it.
export async function open(rules) {
  const profile = mkdtempSync(join(tmpdir(), "khabar-browser-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    headless: true,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // Not even a name is looked up for the browser itself.
      `--host-resolver-rules=${rules}`,
    ],
    viewport: { width: 1440, height: 900 },
    locale: "en-US",
    serviceWorkers: "block",
  });
  const close = async () => {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  };
  return { context, close };
}
