-- migrate:up
-- The remaining columns that name the kind of an object, by the name that the change feed has for it.
ALTER TABLE listing RENAME COLUMN noun TO entity;
ALTER TABLE redirect RENAME COLUMN noun TO entity;
ALTER TABLE commenting RENAME COLUMN noun TO entity;
ALTER TABLE reserved_name RENAME COLUMN noun TO entity;
ALTER TABLE idempotency_key RENAME COLUMN noun_id TO entity_id;

-- migrate:down
ALTER TABLE idempotency_key RENAME COLUMN entity_id TO noun_id;
ALTER TABLE reserved_name RENAME COLUMN entity TO noun;
ALTER TABLE commenting RENAME COLUMN entity TO noun;
ALTER TABLE redirect RENAME COLUMN entity TO noun;
ALTER TABLE listing RENAME COLUMN entity TO noun;
