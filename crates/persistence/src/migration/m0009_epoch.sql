-- migrate:up
-- The feed's epoch: another one after a failover or a restored backup, when what was written before
-- may be gone and its numbers are given out again. `timeline` is what the epoch is changed by: see
-- `pool/engine.rs`.
ALTER TABLE change_head ADD COLUMN epoch {bigint} NOT NULL DEFAULT 1;
ALTER TABLE change_head ADD COLUMN timeline text NOT NULL DEFAULT '';
UPDATE change_head SET epoch = 1 + {random} % 1000000000;
-- The epoch in which a place of a cache before the server was reached.
ALTER TABLE purge_place ADD COLUMN epoch {bigint} NOT NULL DEFAULT 0;
UPDATE purge_place SET epoch = (SELECT epoch FROM change_head WHERE id = 1);

-- migrate:down
ALTER TABLE purge_place DROP COLUMN epoch;
ALTER TABLE change_head DROP COLUMN timeline;
ALTER TABLE change_head DROP COLUMN epoch;
