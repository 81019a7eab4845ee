-- migrate:up
-- What the newsroom keeps of an article besides what readers read, apart from the article so that
-- no list drags it along.
CREATE TABLE article_desk (
    article_id {uuid} PRIMARY KEY REFERENCES article (id),
    created_by {uuid} REFERENCES account (id),
    scheduled_for {time},
    embargo_until {time},
    withdrawn_at {time},
    withdrawal_reason text,
    CHECK ((withdrawn_at IS NULL) = (withdrawal_reason IS NULL))
) {strict};

-- "What is due?", for the scheduler, and a contributor's own articles.
CREATE INDEX article_desk_due ON article_desk (scheduled_for, article_id) WHERE scheduled_for IS NOT NULL;
CREATE INDEX article_desk_of_account ON article_desk (created_by, article_id);

-- "What lies on the desk?": what readers do not see, last touched first.
CREATE INDEX article_on_desk ON article (edition_id, listed_at, id) WHERE status <> 'published';

-- Every text that an article ever had, whole.
CREATE TABLE revision (
    article_id {uuid} NOT NULL REFERENCES article (id),
    version {int} NOT NULL CHECK (version >= 1),
    at {time} NOT NULL,
    account_id {uuid} REFERENCES account (id),
    author_name text NOT NULL,
    step text NOT NULL,
    note text,
    content text NOT NULL,
    PRIMARY KEY (article_id, version)
) {strict};

-- What was put right after publication, for readers.
CREATE TABLE correction (
    article_id {uuid} NOT NULL REFERENCES article (id),
    version {int} NOT NULL,
    at {time} NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (article_id, version)
) {strict};

-- Where a slug leads that its thing no longer has.
CREATE TABLE redirect (
    edition_id {uuid} NOT NULL REFERENCES edition (id),
    noun text NOT NULL CHECK (noun IN ('article', 'story', 'section', 'topic', 'person', 'source')),
    slug text NOT NULL,
    target_id {uuid} NOT NULL,
    at {time} NOT NULL,
    PRIMARY KEY (edition_id, noun, slug)
) {strict};

CREATE INDEX redirect_to ON redirect (target_id);

-- migrate:down
DROP TABLE redirect;
DROP TABLE correction;
DROP TABLE revision;
DROP INDEX article_on_desk;
DROP TABLE article_desk;
