DROP TABLE preview_generation;
DELETE FROM secret WHERE retired_at IS NOT NULL;
ALTER TABLE secret DROP COLUMN retired_at;
DROP INDEX audit_with_address;
DROP INDEX comment_with_address;
