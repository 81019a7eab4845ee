ALTER TABLE purge_place DROP COLUMN epoch;
ALTER TABLE change_head DROP COLUMN timeline;
ALTER TABLE change_head DROP COLUMN epoch;
