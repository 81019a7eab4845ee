SELECT json_build_object('topic', json_build_object('articles', json_build_object('nodes', (
  SELECT coalesce(json_agg(json_build_object('headline', a.headline, 'slug', a.slug,
    'related', json_build_object('nodes', (
      SELECT coalesce(json_agg(json_build_object('headline', o.headline, 'slug', o.slug,
        'stories', (
          SELECT coalesce(json_agg(json_build_object('title', s.title, 'slug', s.slug,
            'articles', json_build_object('nodes', (
              SELECT coalesce(json_agg(json_build_object('headline', n.headline, 'slug', n.slug,
                'publishedAt', to_char(n.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
                ORDER BY k.listed_at DESC, k.article_id DESC), '[]')
              FROM (
                SELECT listed_at, article_id FROM listing WHERE list_id = s.id AND direct = 0
                ORDER BY listed_at DESC, article_id DESC LIMIT 3) k
              JOIN article n ON n.id = k.article_id)))
            ORDER BY w.position), '[]')
          FROM article_story w JOIN story s ON s.id = w.story_id WHERE w.article_id = o.id))
        ORDER BY r.rank, r.to_id), '[]')
      FROM (
        SELECT q.rank, q.to_id FROM related q JOIN article v ON v.id = q.to_id
        WHERE q.from_id = a.id AND v.status = 'published' ORDER BY q.rank, q.to_id LIMIT 7) r
      JOIN article o ON o.id = r.to_id)))
    ORDER BY l.listed_at DESC, l.article_id DESC), '[]')
  FROM (
    SELECT listed_at, article_id FROM listing WHERE list_id = t.id AND direct = 0
    ORDER BY listed_at DESC, article_id DESC LIMIT 10) l
  JOIN article a ON a.id = l.article_id))))::text
FROM edition e JOIN topic t ON t.edition_id = e.id
WHERE e.slug = 'ar' AND t.slug = $1
