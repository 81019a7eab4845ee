// The columns of each type, by the names of its fields, and the keys that its edges start from.
export const ARTICLE = `a.id, a.headline, a.slug, a.lead, a.published_at AS "publishedAt",
  a.reading_minutes AS "readingMinutes", a.comment_count AS "commentCount",
  a.hero_id, a.section_id, a.source_id`;
export const SECTION = `s.id, s.name, s.slug, s.article_count AS "articleCount"`;
export const STORY = `t.id, t.title, t.slug, t.summary, t.article_count AS "articleCount",
  t.last_article_at AS "lastArticleAt", t.image_id`;
export const TOPIC = `o.id, o.name, o.slug`;
export const PERSON = `p.name, p.slug, p.role`;
export const SOURCE = `u.id, u.name, upper(u.kind) AS kind, u.url`;
export const MEDIA = `m.id, m.url, m.width, m.height, m.alt, m.caption, m.credit`;
export const COMMENT = `c.id, c.author_name AS "authorName", c.text, c.posted_at AS "postedAt",
  c.reply_count AS "replyCount"`;
