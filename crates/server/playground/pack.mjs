// Packs what vite built: compresses it, and lists every file with its hash.
//
//   node pack.mjs           compress dist/ and write dist/manifest.sha256
//   node pack.mjs --check   exit 1 unless dist/ is what its manifest says
//
// The compressor is a pinned package and not Node's zlib, whose output differs from one processor and
// version to another: the same sources give the same bytes everywhere.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { gzipSync } from "fflate";

const here = fileURLToPath(new URL(".", import.meta.url));
const dist = join(here, "dist");
const manifest = "manifest.sha256";
const budget = 2 * 1024 * 1024;

const files = () =>
  readdirSync(dist, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== manifest)
    .map((entry) => join(entry.parentPath, entry.name).slice(dist.length + 1).replaceAll("\\", "/"))
    .sort();

const listing = () =>
  files()
    .map((name) => {
      const hash = createHash("sha256").update(readFileSync(join(dist, name))).digest("hex");
      return `${hash}  ${name}\n`;
    })
    .join("");

function compress() {
  // The bundler lists the packages; what Monaco has inside itself only its own notices tell.
  const licenses = join(dist, "licenses.md");
  const notices = readFileSync(join(here, "node_modules/monaco-editor/ThirdPartyNotices.txt"), "utf8");
  const listed = readFileSync(licenses, "utf8").trimEnd();
  writeFileSync(licenses, `${listed}\n\n## Inside monaco-editor\n\n${notices.replaceAll("\r\n", "\n")}`);

  for (const name of files()) {
    if (!/\.(css|js|md|ttf)$/.test(name)) continue;
    const path = join(dist, name);
    writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: 9, mtime: 0 }));
    rmSync(path);
  }
}

if (process.argv.includes("--check")) {
  if (readFileSync(join(dist, manifest), "utf8") !== listing()) {
    console.error("dist/ is not what its manifest says: run `npm run build`");
    process.exit(1);
  }
} else {
  compress();
  writeFileSync(join(dist, manifest), listing());
  const size = files().reduce((sum, name) => sum + readFileSync(join(dist, name)).length, 0);
  console.log(`dist/: ${files().length} files, ${(size / 1024).toFixed(0)} kB compressed`);
  if (size > budget) {
    console.error(`more than the ${budget / 1024} kB that the playground may weigh`);
    process.exit(1);
  }
}
