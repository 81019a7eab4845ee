-- migrate:up
-- Tables and columns by the names that are usual for what they hold.
ALTER TABLE done RENAME TO idempotency_key;
ALTER TABLE idempotency_key RENAME COLUMN client_mutation_id TO key;
DROP INDEX done_at;
CREATE INDEX idempotency_key_at ON idempotency_key (at);

ALTER TABLE article_desk RENAME TO article_editorial;
DROP INDEX article_desk_due;
DROP INDEX article_desk_of_account;
DROP INDEX article_on_desk;
CREATE INDEX article_editorial_due ON article_editorial (scheduled_for, article_id) WHERE scheduled_for IS NOT NULL;
CREATE INDEX article_editorial_of_account ON article_editorial (created_by, article_id);
CREATE INDEX article_unpublished ON article (edition_id, listed_at, id) WHERE status <> 'published';

ALTER TABLE purge_place RENAME TO feed_checkpoint;
ALTER TABLE feed_checkpoint RENAME COLUMN target TO consumer;

ALTER TABLE listing RENAME COLUMN own TO direct;

ALTER TABLE commenting RENAME COLUMN names_allowed TO guest_comments_allowed;

-- migrate:down
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
