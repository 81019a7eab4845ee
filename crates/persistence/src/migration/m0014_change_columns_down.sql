DROP INDEX audit_of_entity;
ALTER TABLE audit RENAME COLUMN entity_id TO noun_id;
ALTER TABLE audit RENAME COLUMN entity TO noun;
CREATE INDEX audit_of_noun ON audit (noun_id, seq);

ALTER TABLE change RENAME COLUMN operation TO act;
ALTER TABLE change RENAME COLUMN entity_id TO noun_id;
ALTER TABLE change RENAME COLUMN entity TO noun;
