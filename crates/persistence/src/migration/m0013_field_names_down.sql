ALTER TABLE commenting RENAME COLUMN guest_comments_allowed TO names_allowed;

ALTER TABLE listing RENAME COLUMN direct TO own;

ALTER TABLE feed_checkpoint RENAME COLUMN consumer TO target;
ALTER TABLE feed_checkpoint RENAME TO purge_place;

DROP INDEX article_unpublished;
DROP INDEX article_editorial_of_account;
DROP INDEX article_editorial_due;
ALTER TABLE article_editorial RENAME TO article_desk;
CREATE INDEX article_on_desk ON article (edition_id, listed_at, id) WHERE status <> 'published';
CREATE INDEX article_desk_of_account ON article_desk (created_by, article_id);
CREATE INDEX article_desk_due ON article_desk (scheduled_for, article_id) WHERE scheduled_for IS NOT NULL;

DROP INDEX idempotency_key_at;
ALTER TABLE idempotency_key RENAME COLUMN key TO client_mutation_id;
ALTER TABLE idempotency_key RENAME TO done;
CREATE INDEX done_at ON done (at);
