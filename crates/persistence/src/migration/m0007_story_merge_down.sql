DROP TABLE story_merge;
