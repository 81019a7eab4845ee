// What is asked once in a request: a plain resolver with a statement of its own.
import { ARTICLE, SECTION, STORY, TOPIC } from "./columns.mjs";

// The edition that Khabar takes when none is named.
const EDITION = "ar";

export function resolvers(ask) {
  const one = async (text, ...values) => (await ask(text, ...values))[0] ?? null;
  // A thing of the edition by its slug, as readers may see it.
  const bySlug = (columns, table, where = "") =>
    (_, { slug }) =>
      one(
        `SELECT ${columns} FROM edition e JOIN ${table} ON ${table[table.length - 1]}.edition_id = e.id
         WHERE e.slug = $1 AND ${table[table.length - 1]}.slug = $2 ${where}`,
        EDITION,
        slug,
      );
  return {
    Query: {
      home: async () => ({
        edition: await one(
          `SELECT id, name, upper(direction) AS direction, label_live AS live, label_follow AS follow,
             label_sections AS sections, label_stories AS stories, label_comments AS comments
           FROM edition WHERE slug = $1`,
          EDITION,
        ),
      }),
      article: bySlug(ARTICLE, "article a", "AND a.status = 'published'"),
      section: bySlug(SECTION, "section s"),
      story: bySlug(STORY, "story t"),
      topic: bySlug(TOPIC, "topic o"),
    },
    Edition: {
      labels: (edition) => edition,
    },
    Home: {
      liveChannel: ({ edition }) =>
        one(
          `SELECT name, stream_url AS "streamUrl", on_air AS "onAir", poster_id
           FROM live_channel WHERE edition_id = $1 ORDER BY on_air IS NOT TRUE, position, id LIMIT 1`,
          edition.id,
        ),
      pinnedStories: async ({ edition }, { first }) => ({
        nodes: await ask(
          `SELECT ${STORY} FROM story t WHERE edition_id = $1 AND pinned_position IS NOT NULL
           ORDER BY pinned_position, id LIMIT $2`,
          edition.id,
          first,
        ),
      }),
      leadArticles: ({ edition }) =>
        ask(
          `SELECT ${ARTICLE} FROM home_lead h JOIN article a ON a.id = h.article_id
           WHERE h.edition_id = $1 AND a.status = 'published' ORDER BY h.position, h.article_id`,
          edition.id,
        ),
      latest: async ({ edition }, { first }) => ({
        nodes: await ask(
          `SELECT ${ARTICLE} FROM (
             SELECT listed_at, article_id FROM listing WHERE list_id = $1 AND direct = 0
             ORDER BY listed_at DESC, article_id DESC LIMIT ${Number(first)}) l
           JOIN article a ON a.id = l.article_id ORDER BY l.listed_at DESC, l.article_id DESC`,
          edition.id,
        ),
      }),
      mostRead: async ({ edition }, { first }) => ({
        nodes: await ask(
          `SELECT ${ARTICLE} FROM article a WHERE edition_id = $1 AND status = 'published'
           ORDER BY read_count DESC, id DESC LIMIT ${Number(first)}`,
          edition.id,
        ),
      }),
      featuredSections: ({ edition }) =>
        ask(
          `SELECT ${SECTION} FROM section s WHERE edition_id = $1 AND featured ORDER BY position, id`,
          edition.id,
        ),
      followChannels: ({ edition }) =>
        ask(
          `SELECT upper(platform) AS platform, name, handle, url
           FROM follow_channel WHERE edition_id = $1 ORDER BY position, id`,
          edition.id,
        ),
    },
    Block: {
      resolveType: ({ block }) => (block === "paragraph" ? "ParagraphBlock" : "OtherBlock"),
    },
  };
}
