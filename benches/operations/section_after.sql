SELECT json_build_object('section', json_build_object(
  'name', s.name, 'articleCount', s.article_count,
  'articles', (
    SELECT json_build_object('totalCount', s.article_count,
      'pageInfo', json_build_object('hasNextPage', count(*) > 20),
      'nodes', coalesce(json_agg(json_build_object('headline', a.headline, 'slug', a.slug, 'lead', a.lead,
        'publishedAt', to_char(a.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'commentCount', a.comment_count,
        'hero', (SELECT json_build_object('url', m.url, 'alt', m.alt) FROM media m WHERE m.id = a.hero_id),
        'authors', (
          SELECT coalesce(json_agg(json_build_object('name', p.name, 'slug', p.slug) ORDER BY w.position), '[]')
          FROM article_author w JOIN person p ON p.id = w.person_id WHERE w.article_id = a.id))
        ORDER BY l.listed_at DESC, l.article_id DESC) FILTER (WHERE l.place <= 20), '[]'))
    FROM (
      SELECT listed_at, article_id, row_number() OVER (ORDER BY listed_at DESC, article_id DESC) AS place
      FROM listing WHERE list_id = s.id AND direct = 0 AND (listed_at, article_id) < (c.listed_at, c.id)
      ORDER BY listed_at DESC, article_id DESC LIMIT 21) l
    JOIN article a ON a.id = l.article_id)
))::text
FROM edition e JOIN section s ON s.edition_id = e.id JOIN article c ON c.edition_id = e.id
WHERE e.slug = 'ar' AND s.slug = $1 AND c.slug = $2
