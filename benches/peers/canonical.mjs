// Answers in one form, whatever a server's style: connections and links are lists of what they hold,
// counts are numbers, times are instants, and names of values are written alike. Applied to both
// sides before they are compared; whatever is left must be equal.
const WRAPPERS = ["_", "nodes", "edges"];
const NAMES = new Set(["direction", "kind", "platform", "reason"]);

export function canonical(value, name = "") {
  if (Array.isArray(value)) return value.map((item) => canonical(item, name));
  if (value !== null && typeof value === "object") {
    const keys = Object.keys(value);
    if (keys.length === 1 && WRAPPERS.includes(keys[0])) return canonical(value[keys[0]], name);
    return Object.fromEntries(keys.map((key) => [key, canonical(value[key], key)]));
  }
  if (typeof value !== "string") return value;
  if (name.endsWith("Count")) return Number(value);
  if (name.endsWith("At")) return Date.parse(value);
  if (NAMES.has(name)) return value.toUpperCase().replaceAll("-", "_");
  return value;
}
