-- migrate:up
-- The ids of an article's authors and topics in its own row, in order: a list of articles whose people and
-- topics are in memory then reads no other table. The links remain the truth: they have the foreign
-- keys, and these columns repeat them.
-- migrate:postgres
ALTER TABLE article ADD COLUMN author_ids uuid[] NOT NULL DEFAULT ARRAY[]::uuid[];
ALTER TABLE article ADD COLUMN topic_ids uuid[] NOT NULL DEFAULT ARRAY[]::uuid[];
UPDATE article SET
    author_ids = ARRAY(
        SELECT l.person_id FROM article_author l WHERE l.article_id = article.id ORDER BY l.position, l.person_id
    ),
    topic_ids = ARRAY(
        SELECT l.topic_id FROM article_topic l WHERE l.article_id = article.id ORDER BY l.position, l.topic_id
    )
WHERE EXISTS (SELECT 1 FROM article_author l WHERE l.article_id = article.id)
    OR EXISTS (SELECT 1 FROM article_topic l WHERE l.article_id = article.id);
-- migrate:sqlite
-- SQLite has no arrays: the 16 bytes of each id, one after another.
ALTER TABLE article ADD COLUMN author_ids blob NOT NULL DEFAULT x'';
ALTER TABLE article ADD COLUMN topic_ids blob NOT NULL DEFAULT x'';
UPDATE article SET
    author_ids = coalesce((
        SELECT unhex(group_concat(hex(l.person_id), '' ORDER BY l.position, l.person_id))
        FROM article_author l WHERE l.article_id = article.id
    ), x''),
    topic_ids = coalesce((
        SELECT unhex(group_concat(hex(l.topic_id), '' ORDER BY l.position, l.topic_id))
        FROM article_topic l WHERE l.article_id = article.id
    ), x'')
WHERE EXISTS (SELECT 1 FROM article_author l WHERE l.article_id = article.id)
    OR EXISTS (SELECT 1 FROM article_topic l WHERE l.article_id = article.id);

-- migrate:down
ALTER TABLE article DROP COLUMN topic_ids;
ALTER TABLE article DROP COLUMN author_ids;
