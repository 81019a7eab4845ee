-- migrate:up
-- The names of people and accounts by their skeletons, so that nobody signs a comment with one who
-- has no account.
CREATE TABLE reserved_name (
    of_id {uuid} PRIMARY KEY,
    noun text NOT NULL CHECK (noun IN ('person', 'account')),
    skeleton text NOT NULL
) {strict};

CREATE INDEX reserved_name_skeleton ON reserved_name (skeleton);

-- Whether its writer worked for the newsroom when they wrote it; null for what is older.
ALTER TABLE comment ADD COLUMN is_staff {bool};

-- migrate:down
ALTER TABLE comment DROP COLUMN is_staff;
DROP TABLE reserved_name;
