SELECT json_build_object('article', json_build_object(
  'headline', a.headline, 'lead', a.lead,
  'publishedAt', to_char(a.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
  'readingMinutes', a.reading_minutes, 'commentCount', a.comment_count,
  'body', (
    SELECT coalesce(json_agg(json_build_object('text', x.block ->> 'text') ORDER BY x.place), '[]')
    FROM article_body b CROSS JOIN json_array_elements(b.blocks::json) WITH ORDINALITY x(block, place)
    WHERE b.article_id = a.id),
  'hero', (
    SELECT json_build_object('url', m.url, 'width', m.width, 'height', m.height,
      'alt', m.alt, 'caption', m.caption, 'credit', m.credit)
    FROM media m WHERE m.id = a.hero_id),
  'section', (
    SELECT json_build_object('name', s.name, 'path', (
      SELECT json_agg(json_build_object('name', o.name, 'slug', o.slug) ORDER BY p.height DESC)
      FROM section_path p JOIN section o ON o.id = p.ancestor_id WHERE p.section_id = s.id))
    FROM section s WHERE s.id = a.section_id),
  'authors', (
    SELECT coalesce(json_agg(json_build_object('name', p.name, 'slug', p.slug, 'role', p.role) ORDER BY w.position), '[]')
    FROM article_author w JOIN person p ON p.id = w.person_id WHERE w.article_id = a.id),
  'topics', (
    SELECT coalesce(json_agg(json_build_object('name', t.name, 'slug', t.slug) ORDER BY w.position), '[]')
    FROM article_topic w JOIN topic t ON t.id = w.topic_id WHERE w.article_id = a.id),
  'source', (
    SELECT json_build_object('name', s.name, 'kind', upper(s.kind), 'url', s.url)
    FROM source s WHERE s.id = a.source_id),
  'stories', (
    SELECT coalesce(json_agg(json_build_object('title', s.title, 'slug', s.slug, 'articleCount', s.article_count)
      ORDER BY w.position), '[]')
    FROM article_story w JOIN story s ON s.id = w.story_id WHERE w.article_id = a.id),
  'comments', json_build_object('nodes', (
    SELECT coalesce(json_agg(json_build_object('authorName', c.author_name, 'text', c.text,
      'postedAt', to_char(c.posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      'replyCount', c.reply_count,
      'replies', json_build_object('nodes', (
        SELECT coalesce(json_agg(json_build_object('authorName', r.author_name, 'text', r.text,
          'postedAt', to_char(r.posted_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
          ORDER BY r.posted_at, r.id), '[]')
        FROM (
          SELECT * FROM comment WHERE parent_id = c.id AND shown
          ORDER BY posted_at, id LIMIT 2) r)))
      ORDER BY c.posted_at DESC, c.id DESC), '[]')
    FROM (
      SELECT * FROM comment WHERE article_id = a.id AND parent_id IS NULL AND shown
      ORDER BY posted_at DESC, id DESC LIMIT 10) c)),
  'related', json_build_object('edges', (
    SELECT coalesce(json_agg(json_build_object('reason', upper(replace(l.reason, '-', '_')),
      'node', json_build_object('headline', o.headline, 'slug', o.slug,
        'publishedAt', to_char(o.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
        'hero', (SELECT json_build_object('url', m.url, 'alt', m.alt) FROM media m WHERE m.id = o.hero_id)))
      ORDER BY l.rank, l.to_id), '[]')
    FROM (
      SELECT r.rank, r.to_id, r.reason FROM related r JOIN article v ON v.id = r.to_id
      WHERE r.from_id = a.id AND v.status = 'published' ORDER BY r.rank, r.to_id LIMIT 7) l
    JOIN article o ON o.id = l.to_id))
))::text
FROM edition e JOIN article a ON a.edition_id = e.id
WHERE e.slug = 'ar' AND a.slug = $1 AND a.status = 'published'
