DROP INDEX token_newest;
DROP INDEX audit_lately;
ALTER TABLE done DROP COLUMN errors;
