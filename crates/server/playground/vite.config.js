import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const source = (name) => fileURLToPath(new URL(`src/${name}`, import.meta.url));

export default defineConfig({
  base: "/playground/",
  resolve: {
    // GraphiQL asks for the whole of these; ours are leaner ones of the same shape.
    alias: [
      { find: /^monaco-graphql\/esm\/monaco-editor\.js$/, replacement: source("editor.js") },
      { find: /^\.\/monaco-editor$/, replacement: source("editor.js") },
      { find: /^prettier\/parser-babel$/, replacement: source("prettify_jsonc.js") },
      { find: /^prettier\/plugins\/estree$/, replacement: source("prettify_jsonc.js") },
    ],
  },
  // graphql-js looks at this global to leave out its checks for developers.
  define: { "globalThis.process": "true" },
  worker: { format: "es" },
  build: {
    // Top-level await and no polyfills: every browser since 2022.
    target: "es2022",
    modulePreload: { polyfill: false },
    license: { fileName: "licenses.md" },
    // Monaco is one chunk of 2.5 MB; pack.mjs reports what it all weighs compressed.
    chunkSizeWarningLimit: 3000,
    reportCompressedSize: false,
    rolldownOptions: {
      onLog(level, log, next) {
        // "use client" means something to servers that render React; there is none here.
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") next(level, log);
      },
    },
  },
});
