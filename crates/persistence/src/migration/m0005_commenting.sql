-- migrate:up
-- How comments are taken in under an edition's articles, or under one article; what is null is
-- decided above: by the edition, then by the newsroom's usual way.
CREATE TABLE commenting (
    of_id {uuid} PRIMARY KEY,
    noun text NOT NULL CHECK (noun IN ('edition', 'article')),
    mode text CHECK (mode IN ('post-moderated', 'pre-moderated', 'closed')),
    -- 0: it does not close by itself.
    days {int} CHECK (days >= 0),
    depth {int} CHECK (depth >= 0),
    names_allowed {bool}
) {strict};

-- From where it was sent is kept only where there is no account, to count what comes from there.
ALTER TABLE comment ADD COLUMN account_id {uuid} REFERENCES account (id);
ALTER TABLE comment ADD COLUMN address text;
ALTER TABLE comment ADD COLUMN edited_at {time};
ALTER TABLE comment ADD COLUMN reason text;
ALTER TABLE comment ADD COLUMN report_count {bigint} NOT NULL DEFAULT 0;
-- The article's edition, for the moderators' queue; never null, which cannot be said afterwards.
ALTER TABLE comment ADD COLUMN edition_id {uuid} REFERENCES edition (id);
-- How many comments stand above it.
ALTER TABLE comment ADD COLUMN depth {int} NOT NULL DEFAULT 0;
-- Whether readers see it: it is approved, and so is every comment above it. What is counted is what
-- is shown.
ALTER TABLE comment ADD COLUMN shown {bool} NOT NULL DEFAULT FALSE;

CREATE TABLE comment_report (
    comment_id {uuid} NOT NULL REFERENCES comment (id),
    account_id {uuid} NOT NULL REFERENCES account (id),
    reason text NOT NULL,
    at {time} NOT NULL,
    PRIMARY KEY (comment_id, account_id)
) {strict};

CREATE INDEX comment_report_newest ON comment_report (comment_id, at, account_id);

DROP INDEX comment_of_article;
DROP INDEX comment_replies;

-- All answers, for what a decision about a comment means below it.
CREATE INDEX comment_answers ON comment (parent_id) WHERE parent_id IS NOT NULL;

WITH RECURSIVE thread (id, depth, shown) AS (
    SELECT id, 0, status = 'approved' FROM comment WHERE parent_id IS NULL
    UNION ALL
    SELECT c.id, t.depth + 1, t.shown AND c.status = 'approved'
    FROM comment c JOIN thread t ON c.parent_id = t.id
)
UPDATE comment SET depth = t.depth, shown = t.shown FROM thread t WHERE t.id = comment.id;

UPDATE comment SET edition_id = (SELECT a.edition_id FROM article a WHERE a.id = comment.article_id);

CREATE INDEX comment_of_article ON comment (article_id, posted_at, id) WHERE shown AND parent_id IS NULL;
CREATE INDEX comment_replies ON comment (parent_id, posted_at, id) WHERE shown AND parent_id IS NOT NULL;

UPDATE comment SET reply_count = (SELECT count(*) FROM comment a WHERE a.parent_id = comment.id AND a.shown);
UPDATE article SET comment_count = s.seen
FROM (SELECT article_id, count(CASE WHEN shown THEN 1 END) AS seen FROM comment GROUP BY article_id) s
WHERE s.article_id = article.id;
UPDATE listing SET comment_count = a.comment_count
FROM article a WHERE a.id = listing.article_id AND a.comment_count <> listing.comment_count;

-- The moderators' queue: all of it, in one state, or what readers have reported.
CREATE INDEX comment_queue ON comment (edition_id, posted_at, id);
CREATE INDEX comment_queue_by_status ON comment (edition_id, status, posted_at, id);
CREATE INDEX comment_reported ON comment (edition_id, posted_at, id) WHERE report_count > 0;

-- "My comments", and how much came from one author lately.
CREATE INDEX comment_of_account ON comment (account_id, posted_at, id) WHERE account_id IS NOT NULL;
CREATE INDEX comment_of_address ON comment (address, posted_at) WHERE address IS NOT NULL;

-- migrate:down
DROP INDEX comment_of_address;
DROP INDEX comment_of_account;
DROP INDEX comment_reported;
DROP INDEX comment_queue_by_status;
DROP INDEX comment_queue;
DROP INDEX comment_replies;
DROP INDEX comment_of_article;

UPDATE comment SET reply_count = (SELECT count(*) FROM comment a WHERE a.parent_id = comment.id AND a.status = 'approved');
UPDATE article SET comment_count = s.seen
FROM (SELECT article_id, count(CASE WHEN status = 'approved' THEN 1 END) AS seen FROM comment GROUP BY article_id) s
WHERE s.article_id = article.id;
UPDATE listing SET comment_count = a.comment_count
FROM article a WHERE a.id = listing.article_id AND a.comment_count <> listing.comment_count;

DROP INDEX comment_answers;
DROP TABLE comment_report;
ALTER TABLE comment DROP COLUMN shown;
ALTER TABLE comment DROP COLUMN depth;
ALTER TABLE comment DROP COLUMN edition_id;
ALTER TABLE comment DROP COLUMN report_count;
ALTER TABLE comment DROP COLUMN reason;
ALTER TABLE comment DROP COLUMN edited_at;
ALTER TABLE comment DROP COLUMN address;
ALTER TABLE comment DROP COLUMN account_id;

CREATE INDEX comment_of_article ON comment (article_id, posted_at, id) WHERE status = 'approved' AND parent_id IS NULL;
CREATE INDEX comment_replies ON comment (parent_id, posted_at, id) WHERE status = 'approved' AND parent_id IS NOT NULL;

DROP TABLE commenting;
