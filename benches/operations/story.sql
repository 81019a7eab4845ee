SELECT json_build_object('story', json_build_object(
  'title', s.title, 'summary', s.summary, 'articleCount', s.article_count,
  'lastArticleAt', to_char(s.last_article_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
  'image', (SELECT json_build_object('url', m.url, 'alt', m.alt) FROM media m WHERE m.id = s.image_id),
  'topics', (
    SELECT coalesce(json_agg(json_build_object('name', t.name, 'slug', t.slug) ORDER BY w.position), '[]')
    FROM story_topic w JOIN topic t ON t.id = w.topic_id WHERE w.story_id = s.id),
  'articles', json_build_object('totalCount', s.article_count, 'nodes', (
    SELECT coalesce(json_agg(json_build_object('headline', a.headline, 'slug', a.slug, 'lead', a.lead,
      'publishedAt', to_char(a.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      'hero', (
        SELECT json_build_object('url', m.url, 'width', m.width, 'height', m.height, 'alt', m.alt)
        FROM media m WHERE m.id = a.hero_id),
      'authors', (
        SELECT coalesce(json_agg(json_build_object('name', p.name, 'slug', p.slug) ORDER BY w.position), '[]')
        FROM article_author w JOIN person p ON p.id = w.person_id WHERE w.article_id = a.id))
      ORDER BY l.listed_at DESC, l.article_id DESC), '[]')
    FROM (
      SELECT listed_at, article_id FROM listing WHERE list_id = s.id AND direct = 0
      ORDER BY listed_at DESC, article_id DESC LIMIT 20) l
    JOIN article a ON a.id = l.article_id))
))::text
FROM edition e JOIN story s ON s.edition_id = e.id
WHERE e.slug = 'ar' AND s.slug = $1
