-- migrate:up
-- Somebody who has said who they are: by a token of ours, or by an issuer's (RFC 7519), which then
-- knows them by a subject.
CREATE TABLE account (
    id {uuid} PRIMARY KEY,
    name text NOT NULL,
    issuer text,
    subject text,
    created_at {time} NOT NULL,
    CHECK ((issuer IS NULL) = (subject IS NULL)),
    UNIQUE (issuer, subject)
) {strict};

-- The hash, not the token: who reads this table can be nobody with it.
CREATE TABLE token (
    id {uuid} PRIMARY KEY,
    account_id {uuid} NOT NULL REFERENCES account (id),
    hash text NOT NULL UNIQUE,
    role text NOT NULL CHECK (role IN ('reader', 'contributor', 'moderator', 'editor', 'admin')),
    -- The rights that it is narrowed to, as a JSON list; null when it has all of its role's.
    rights text,
    created_at {time} NOT NULL,
    expires_at {time},
    revoked_at {time},
    last_used_at {time}
) {strict};

CREATE INDEX token_of_account ON token (account_id);

-- What a fleet has to know in common and keep to itself, such as the key of preview tokens.
CREATE TABLE secret (
    name text PRIMARY KEY,
    value text NOT NULL
) {strict};

-- migrate:down
DROP TABLE secret;
DROP TABLE token;
DROP TABLE account;
