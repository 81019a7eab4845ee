-- migrate:up
-- The operations of an app's build, which it asks for by name.
CREATE TABLE trusted_document (
    -- Derived from its name.
    id {uuid} PRIMARY KEY,
    name text NOT NULL UNIQUE,
    -- Of its text, in lower-case hexadecimal. Two builds may call the same text differently.
    sha256 text NOT NULL,
    text text NOT NULL,
    registered_at {time} NOT NULL
) {strict};

-- A document by its hash, where its name is another.
CREATE INDEX trusted_document_sha256 ON trusted_document (sha256);

-- Up to where in the change feed each cache before the server has let go of what was changed.
CREATE TABLE purge_place (
    target text PRIMARY KEY,
    -- Absent until it has for the first time.
    seq {bigint},
    -- Which process purges it, and until when no other does.
    holder {uuid},
    held_until {time}
) {strict};

-- migrate:down
DROP TABLE purge_place;
DROP TABLE trusted_document;
