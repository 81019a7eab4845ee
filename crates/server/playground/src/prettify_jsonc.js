// Prettifying the variables and headers: a Prettier plugin that leaves the work to jsonc-parser,
// which is here anyway. Prettier's own needs its JavaScript parser, 140 kB compressed.
import { applyEdits, format } from "jsonc-parser";

export const parsers = {
  jsonc: {
    astFormat: "prettified",
    parse: (text) => ({
      text: applyEdits(text, format(text, undefined, { tabSize: 2, insertSpaces: true })),
    }),
    locStart: () => 0,
    locEnd: (whole) => whole.text.length,
  },
};

export const printers = {
  prettified: { print: (path) => path.node.text },
};
