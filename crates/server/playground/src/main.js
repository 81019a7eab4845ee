// The entry is small and alone knows the tabs, so a corrected query changes two small files, not the
// megabyte and a half of GraphiQL.
import { tabs } from "./tabs.js";

const endpoint = "/graphql";
const [{ open }, opening] = await Promise.all([import("./graphiql.js"), tabs(endpoint)]);
open(document.getElementById("playground"), endpoint, opening);
