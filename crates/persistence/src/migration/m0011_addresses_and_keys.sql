-- migrate:up
-- "Whose addresses have been kept for long enough?"
CREATE INDEX comment_with_address ON comment (posted_at) WHERE address IS NOT NULL;
CREATE INDEX audit_with_address ON audit (role, at) WHERE address IS NOT NULL;

-- When a key was replaced by another: what it signed before is good for as long as it says.
ALTER TABLE secret ADD COLUMN retired_at {time};

-- How often the previews of an article were taken back: those of an earlier count open nothing.
CREATE TABLE preview_generation (
    article_id {uuid} PRIMARY KEY REFERENCES article (id),
    generation {int} NOT NULL CHECK (generation > 0),
    at {time} NOT NULL
) {strict};

-- migrate:down
DROP TABLE preview_generation;
DELETE FROM secret WHERE retired_at IS NOT NULL;
ALTER TABLE secret DROP COLUMN retired_at;
DROP INDEX audit_with_address;
DROP INDEX comment_with_address;
