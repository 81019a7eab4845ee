-- What PostGraphile is told about Khabar's tables, by the means that its documentation has for that:
-- smart tags for what no constraint says, functions for lists that a table's own fields cannot ask
-- for, and a role that may read what readers read, so that nothing else is in its schema. Every
-- function is one that PostgreSQL writes into the statement that calls it.

-- `listing` is a list of an edition, a section, a story or a topic; its key is theirs.
COMMENT ON TABLE listing IS E'@foreignKey (list_id) references edition (id)|@fieldName listedEdition|@foreignFieldName listings\n@foreignKey (list_id) references section (id)|@fieldName listedSection|@foreignFieldName listings\n@foreignKey (list_id) references story (id)|@fieldName listedStory|@foreignFieldName listings\n@foreignKey (list_id) references topic (id)|@fieldName listedTopic|@foreignFieldName listings';

-- An article is looked up by its slug among what is published: the index is that of the slug.
COMMENT ON COLUMN article.status IS '@behavior +filterBy';

CREATE FUNCTION edition_live_now(e edition) RETURNS SETOF live_channel LANGUAGE sql STABLE ROWS 2 AS
$$ SELECT c.* FROM live_channel c WHERE c.edition_id = e.id ORDER BY c.on_air IS NOT TRUE, c.position, c.id $$;

CREATE FUNCTION edition_rail(e edition) RETURNS SETOF story LANGUAGE sql STABLE ROWS 10 AS
$$ SELECT s.* FROM story s WHERE s.edition_id = e.id AND s.pinned_position IS NOT NULL
   ORDER BY s.pinned_position, s.id $$;

CREATE FUNCTION edition_leads(e edition) RETURNS SETOF article LANGUAGE sql STABLE ROWS 5 AS
$$ SELECT a.* FROM home_lead h JOIN article a ON a.id = h.article_id
   WHERE h.edition_id = e.id AND a.status = 'published' ORDER BY h.position, h.article_id $$;

CREATE FUNCTION edition_most_read(e edition) RETURNS SETOF article LANGUAGE sql STABLE AS
$$ SELECT a.* FROM article a WHERE a.edition_id = e.id AND a.status = 'published'
   ORDER BY a.read_count DESC, a.id DESC $$;

CREATE FUNCTION edition_featured(e edition) RETURNS SETOF section LANGUAGE sql STABLE ROWS 10 AS
$$ SELECT s.* FROM section s WHERE s.edition_id = e.id AND s.featured ORDER BY s.position, s.id $$;

CREATE FUNCTION article_shown_comments(a article) RETURNS SETOF comment LANGUAGE sql STABLE ROWS 10 AS
$$ SELECT c.* FROM comment c WHERE c.article_id = a.id AND c.parent_id IS NULL AND c.shown
   ORDER BY c.posted_at DESC, c.id DESC $$;

CREATE FUNCTION comment_shown_replies(c comment) RETURNS SETOF comment LANGUAGE sql STABLE ROWS 3 AS
$$ SELECT r.* FROM comment r WHERE r.parent_id = c.id AND r.shown ORDER BY r.posted_at, r.id $$;

CREATE FUNCTION article_shown_related(a article) RETURNS SETOF related LANGUAGE sql STABLE ROWS 10 AS
$$ SELECT r.* FROM related r JOIN article v ON v.id = r.to_id
   WHERE r.from_id = a.id AND v.status = 'published' ORDER BY r.rank, r.to_id $$;

CREATE ROLE reader LOGIN;
GRANT SELECT ON media, edition, section, section_path, story, person, source, topic, article,
  article_body, article_author, article_topic, article_story, story_topic, listing, related, comment,
  live_channel, follow_channel, home_lead TO reader;
