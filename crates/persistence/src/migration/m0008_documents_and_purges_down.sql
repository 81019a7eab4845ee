DROP TABLE purge_place;
DROP TABLE trusted_document;
