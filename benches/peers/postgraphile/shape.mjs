// PostGraphile's answers in Khabar's shape. What is found by a slug is a list of one beneath the
// edition, a link's row stands between its ends (`_`), counts are kept in columns and come as text,
// and a body is the JSON that is stored.
const shapes = {
  Home: ({ home }) => {
    const { name, direction, live, follow, sections, stories, comments, liveChannel, ...lists } = home;
    return {
      home: {
        edition: { name, direction, labels: { live, follow, sections, stories, comments } },
        liveChannel: liveChannel[0] ?? null,
        ...lists,
      },
    };
  },
  Article: ({ edition: { found } }) => {
    const [article] = found;
    const blocks = JSON.parse(article.body.blocks);
    return { article: { ...article, body: blocks.map(({ text }) => ({ text })) } };
  },
  Story: ({ edition: { found } }) => {
    const [story] = found;
    return {
      story: { ...story, articles: { totalCount: story.articleCount, nodes: story.articles } },
    };
  },
  Deep: ({ edition: { found } }) => ({ topic: found[0] }),
  Section: ({ edition: { found } }) => {
    const [section] = found;
    return {
      section: { ...section, articles: { totalCount: section.articleCount, ...section.articles } },
    };
  },
};

export function shape(operation, data) {
  return shapes[operation](data);
}

export function edges({ edition: { found } }) {
  return found[0].articles.edges;
}
