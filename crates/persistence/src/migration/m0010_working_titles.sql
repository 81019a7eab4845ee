-- migrate:up
-- Slugs of before an article went out, or of while it was worked on again, are nobody's business: they
-- tell what it was going to be called. What readers knew it by stands in the text of a step that
-- readers saw; a text is JSON, in which no other member begins so.
DELETE FROM redirect WHERE noun = 'article' AND EXISTS (
    SELECT 1 FROM article a WHERE a.id = redirect.target_id AND redirect.at < a.first_published_at
);

DELETE FROM redirect WHERE noun = 'article' AND EXISTS (
    SELECT 1 FROM revision v WHERE v.article_id = redirect.target_id
        AND v.content LIKE '%"slug":"' || redirect.slug || '"%'
) AND NOT EXISTS (
    SELECT 1 FROM revision v WHERE v.article_id = redirect.target_id
        AND v.step IN ('publish', 'correct', 'withdraw')
        AND v.content LIKE '%"slug":"' || redirect.slug || '"%'
);

-- migrate:down
-- What was taken away is not missed.
