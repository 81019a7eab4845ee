-- migrate:up
-- Into which story one was merged that is gone: an old text of an article may name it still.
CREATE TABLE story_merge (
    from_id {uuid} PRIMARY KEY,
    into_id {uuid} NOT NULL REFERENCES story (id),
    at {time} NOT NULL
) {strict};

CREATE INDEX story_merge_into ON story_merge (into_id);

-- migrate:down
DROP TABLE story_merge;
