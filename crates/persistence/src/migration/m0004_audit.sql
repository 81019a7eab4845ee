-- migrate:up
-- Who wrote what, a row a transaction: `seq` is its last row in the change feed, which names all
-- that it touched for as long as the feed is kept.
CREATE TABLE audit (
    seq {bigint} PRIMARY KEY,
    first_seq {bigint} NOT NULL,
    at {time} NOT NULL,
    account_id {uuid} REFERENCES account (id),
    author_name text NOT NULL,
    role text,
    address text,
    action text NOT NULL,
    noun text NOT NULL,
    noun_id {uuid} NOT NULL,
    CHECK (first_seq <= seq)
) {strict};

CREATE INDEX audit_of_account ON audit (account_id, seq);
CREATE INDEX audit_of_noun ON audit (noun_id, seq);

-- What a client's `clientMutationId` has brought about already, so that a write that is sent again
-- happens once.
CREATE TABLE done (
    writer text NOT NULL,
    client_mutation_id text NOT NULL,
    at {time} NOT NULL,
    action text NOT NULL,
    -- SHA-256 of the input: the same id for something else is a mistake.
    input text NOT NULL,
    noun_id {uuid} NOT NULL,
    PRIMARY KEY (writer, client_mutation_id)
) {strict};

CREATE INDEX done_at ON done (at);

-- migrate:down
DROP TABLE done;
DROP TABLE audit;
