// GraphiQL over the API of the server that serves this page.
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createElement } from "react";
import { createRoot } from "react-dom/client";

import "./workers.js";

import "@graphiql/plugin-doc-explorer/style.css";
import "@graphiql/plugin-history/style.css";
import "@graphiql/react/style.css";
import "graphiql/graphiql.css";
import "./playground.css";

export function open(element, endpoint, defaultTabs) {
  const fetcher = createGraphiQLFetcher({ url: endpoint });
  const name = createElement("span", { className: "khabar-name" }, "Khabar");
  createRoot(element).render(
    createElement(
      GraphiQL,
      { fetcher, defaultTabs, defaultEditorToolsVisibility: "variables" },
      createElement(GraphiQL.Logo, null, name),
    ),
  );
}
