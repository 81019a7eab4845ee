// What is asked of many parents at once: a loader for each edge, one statement for each batch.
import { ARTICLE, COMMENT, MEDIA, PERSON, SECTION, SOURCE, STORY, TOPIC } from "./columns.mjs";

export function loaders(ask) {
  // To-one: the row with the id that the parent holds in `column`.
  const toOne = (column, columns, from) => async (queries) => {
    const ids = [...new Set(queries.map(({ obj }) => obj[column]).filter(Boolean))];
    if (ids.length === 0) return queries.map(() => null);
    const rows = await ask(
      `SELECT ${columns} FROM ${from} WHERE ${from.at(-1)}.id = ANY($1::uuid[])`,
      ids,
    );
    const byId = new Map(rows.map((row) => [row.id, row]));
    return queries.map(({ obj }) => byId.get(obj[column]) ?? null);
  };

  // To-many: `select` says what hangs on the parent `k.id`, in order; `answer` makes the field's
  // value of a parent's rows. Parents that are asked for different pages are asked apart.
  const toMany = (select, answer = (rows) => rows) => async (queries) => {
    const pages = Map.groupBy(queries, ({ params }) => JSON.stringify(params));
    const found = await Promise.all(
      [...pages.values()].map(async (page) => {
        const { params } = page[0];
        const ids = [...new Set(page.map(({ obj }) => obj.id))];
        const { text, values = [] } = select(params);
        const rows = await ask(text, ids, ...values);
        const ofParent = Map.groupBy(rows, (row) => row.of);
        return page.map((query) => [
          query,
          answer(ofParent.get(query.obj.id) ?? [], params, query.obj),
        ]);
      }),
    );
    const answers = new Map(found.flat());
    return queries.map((query) => answers.get(query));
  };

  const linked = (columns, link, parent, child, table) =>
    toMany(() => ({
      text: `SELECT w.${parent} AS of, ${columns} FROM ${link} w JOIN ${table} ON ${table.at(-1)}.id = w.${child}
             WHERE w.${parent} = ANY($1::uuid[]) ORDER BY w.position`,
    }));

  // A page of each list, by keyset; one row more says whether there is a next page.
  const articles = toMany(
    ({ first, after }) => ({
      text: `SELECT k.id AS of, l.listed_at AS at, ${ARTICLE}
             FROM unnest($1::uuid[]) k(id)
             CROSS JOIN LATERAL (
               SELECT listed_at, article_id FROM listing
               WHERE list_id = k.id AND direct = 0 ${after ? "AND (listed_at, article_id) < ($2::timestamptz, $3::uuid)" : ""}
               ORDER BY listed_at DESC, article_id DESC LIMIT ${Number(first) + 1}) l
             JOIN article a ON a.id = l.article_id
             ORDER BY l.listed_at DESC, l.article_id DESC`,
      values: after ? place(after) : [],
    }),
    (rows, { first }, parent) => {
      const nodes = rows.slice(0, first);
      return {
        totalCount: parent.articleCount,
        pageInfo: { hasNextPage: rows.length > first },
        nodes,
        // Only made when they are asked for.
        edges: () => nodes.map((node) => ({ cursor: cursor(node), node })),
      };
    },
  );

  const comments = (condition, order) =>
    toMany(
      ({ first }) => ({
        text: `SELECT k.id AS of, ${COMMENT}
               FROM unnest($1::uuid[]) k(id)
               CROSS JOIN LATERAL (
                 SELECT * FROM comment WHERE ${condition} AND shown
                 ORDER BY posted_at ${order}, id ${order} LIMIT ${Number(first)}) c
               ORDER BY c.posted_at ${order}, c.id ${order}`,
      }),
      (nodes) => ({ nodes }),
    );

  const each = {
    Article: {
      hero: toOne("hero_id", MEDIA, "media m"),
      section: toOne("section_id", SECTION, "section s"),
      source: toOne("source_id", SOURCE, "source u"),
      authors: linked(PERSON, "article_author", "article_id", "person_id", "person p"),
      topics: linked(TOPIC, "article_topic", "article_id", "topic_id", "topic o"),
      stories: linked(STORY, "article_story", "article_id", "story_id", "story t"),
      body: toMany(
        () => ({
          text: `SELECT article_id AS of, blocks FROM article_body WHERE article_id = ANY($1::uuid[])`,
        }),
        ([body]) => (body ? JSON.parse(body.blocks) : []),
      ),
      comments: comments("article_id = k.id AND parent_id IS NULL", "DESC"),
      related: toMany(
        ({ first }) => ({
          text: `SELECT k.id AS of, upper(replace(l.reason, '-', '_')) AS reason, ${ARTICLE}
                 FROM unnest($1::uuid[]) k(id)
                 CROSS JOIN LATERAL (
                   SELECT r.rank, r.to_id, r.reason FROM related r JOIN article v ON v.id = r.to_id
                   WHERE r.from_id = k.id AND v.status = 'published'
                   ORDER BY r.rank, r.to_id LIMIT ${Number(first)}) l
                 JOIN article a ON a.id = l.to_id
                 ORDER BY l.rank, l.to_id`,
        }),
        (nodes) => ({ nodes, edges: () => nodes.map((node) => ({ reason: node.reason, node })) }),
      ),
    },
    Comment: {
      replies: comments("parent_id = k.id", "ASC"),
    },
    Section: {
      path: toMany(() => ({
        text: `SELECT p.section_id AS of, ${SECTION} FROM section_path p JOIN section s ON s.id = p.ancestor_id
               WHERE p.section_id = ANY($1::uuid[]) ORDER BY p.height DESC`,
      })),
      articles,
    },
    Story: {
      image: toOne("image_id", MEDIA, "media m"),
      topics: linked(TOPIC, "story_topic", "story_id", "topic_id", "topic o"),
      articles,
    },
    Topic: { articles },
    LiveChannel: { poster: toOne("poster_id", MEDIA, "media m") },
  };
  return each;
}

function cursor({ at, id }) {
  return Buffer.from(JSON.stringify([at, id])).toString("base64url");
}

function place(cursor) {
  return JSON.parse(Buffer.from(cursor, "base64url"));
}
