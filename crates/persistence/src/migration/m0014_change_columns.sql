-- migrate:up
-- The columns of the change feed and of the audit log by the names that are usual for what they hold.
ALTER TABLE change RENAME COLUMN noun TO entity;
ALTER TABLE change RENAME COLUMN noun_id TO entity_id;
ALTER TABLE change RENAME COLUMN act TO operation;
-- A key that no result is read from, and that is no longer written.
UPDATE change SET keys = replace(keys, ',"tokens"', '') WHERE entity = 'token';

ALTER TABLE audit RENAME COLUMN noun TO entity;
ALTER TABLE audit RENAME COLUMN noun_id TO entity_id;
DROP INDEX audit_of_noun;
CREATE INDEX audit_of_entity ON audit (entity_id, seq);

-- migrate:down
DROP INDEX audit_of_entity;
ALTER TABLE audit RENAME COLUMN entity_id TO noun_id;
ALTER TABLE audit RENAME COLUMN entity TO noun;
CREATE INDEX audit_of_noun ON audit (noun_id, seq);

ALTER TABLE change RENAME COLUMN operation TO act;
ALTER TABLE change RENAME COLUMN entity_id TO noun_id;
ALTER TABLE change RENAME COLUMN entity TO noun;
