-- migrate:up
-- What a write could not do although the rest was done, as a JSON list, so that one that is sent
-- again is answered the same; null when there was nothing.
ALTER TABLE done ADD COLUMN errors text;

-- "How often has this account done this lately?", for limits of pace.
CREATE INDEX audit_lately ON audit (account_id, action, at);

-- "Which tokens are there?", the newest first.
CREATE INDEX token_newest ON token (created_at, id);

-- migrate:down
DROP INDEX token_newest;
DROP INDEX audit_lately;
ALTER TABLE done DROP COLUMN errors;
