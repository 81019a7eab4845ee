// The tabs that a first visit opens with. Each is a file under queries/; their variables name what the
// newsroom itself leads with, so that they show something in any newsroom.
import article from "../queries/article.graphql?raw";
import examples from "../queries/examples.graphql?raw";
import home from "../queries/home.graphql?raw";
import related from "../queries/related.graphql?raw";
import story from "../queries/story.graphql?raw";

export async function tabs(endpoint) {
  const shown = await leading(endpoint);
  const of = (thing) => JSON.stringify({ slug: thing?.slug ?? "" }, null, 2);
  return [
    { query: home },
    { query: article, variables: of(shown?.leadArticles?.[0]) },
    { query: story, variables: of(shown?.pinnedStories?.nodes[0]) },
    { query: related, variables: of(shown?.leadArticles?.[0]) },
  ];
}

async function leading(endpoint) {
  try {
    const answer = await fetch(endpoint, {
      method: "POST",
      headers: { accept: "application/graphql-response+json", "content-type": "application/json" },
      body: JSON.stringify({ query: examples }),
    });
    return (await answer.json()).data?.home;
  } catch (error) {
    // The tabs open all the same, and running one will tell what is wrong.
    console.warn("could not ask what the newsroom leads with", error);
    return undefined;
  }
}
