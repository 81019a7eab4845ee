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
