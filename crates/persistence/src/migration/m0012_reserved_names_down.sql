ALTER TABLE comment DROP COLUMN is_staff;
DROP TABLE reserved_name;
