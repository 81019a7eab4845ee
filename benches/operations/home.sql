SELECT json_build_object('home', json_build_object(
  'edition', json_build_object('name', e.name, 'direction', upper(e.direction),
    'labels', json_build_object('live', e.label_live, 'follow', e.label_follow,
      'sections', e.label_sections, 'stories', e.label_stories, 'comments', e.label_comments)),
  'liveChannel', (
    SELECT json_build_object('name', c.name, 'streamUrl', c.stream_url, 'onAir', c.on_air,
      'poster', (SELECT json_build_object('url', m.url, 'alt', m.alt) FROM media m WHERE m.id = c.poster_id))
    FROM live_channel c WHERE c.edition_id = e.id
    ORDER BY c.on_air IS NOT TRUE, c.position, c.id LIMIT 1),
  'pinnedStories', json_build_object('nodes', (
    SELECT coalesce(json_agg(json_build_object('title', s.title, 'slug', s.slug, 'articleCount', s.article_count,
      'image', (SELECT json_build_object('url', m.url, 'alt', m.alt) FROM media m WHERE m.id = s.image_id),
      'articles', json_build_object('nodes', (
        SELECT coalesce(json_agg(json_build_object('headline', a.headline, 'slug', a.slug,
          'publishedAt', to_char(a.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
          ORDER BY l.listed_at DESC, l.article_id DESC), '[]')
        FROM (
          SELECT listed_at, article_id FROM listing WHERE list_id = s.id AND direct = 0
          ORDER BY listed_at DESC, article_id DESC LIMIT 3) l
        JOIN article a ON a.id = l.article_id)))
      ORDER BY s.pinned_position, s.id), '[]')
    FROM (
      SELECT * FROM story WHERE edition_id = e.id AND pinned_position IS NOT NULL
      ORDER BY pinned_position, id LIMIT 6) s)),
  'leadArticles', (
    SELECT coalesce(json_agg(json_build_object('headline', a.headline, 'slug', a.slug, 'lead', a.lead,
      'publishedAt', to_char(a.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      'commentCount', a.comment_count,
      'hero', (
        SELECT json_build_object('url', m.url, 'width', m.width, 'height', m.height, 'alt', m.alt, 'caption', m.caption)
        FROM media m WHERE m.id = a.hero_id),
      'section', (SELECT json_build_object('name', s.name, 'slug', s.slug) FROM section s WHERE s.id = a.section_id),
      'authors', (
        SELECT coalesce(json_agg(json_build_object('name', p.name, 'slug', p.slug) ORDER BY w.position), '[]')
        FROM article_author w JOIN person p ON p.id = w.person_id WHERE w.article_id = a.id))
      ORDER BY h.position, h.article_id), '[]')
    FROM home_lead h JOIN article a ON a.id = h.article_id
    WHERE h.edition_id = e.id AND a.status = 'published'),
  'latest', json_build_object('nodes', (
    SELECT coalesce(json_agg(json_build_object('headline', a.headline, 'slug', a.slug,
      'publishedAt', to_char(a.published_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
      'hero', (SELECT json_build_object('url', m.url, 'alt', m.alt) FROM media m WHERE m.id = a.hero_id),
      'section', (SELECT json_build_object('name', s.name, 'slug', s.slug) FROM section s WHERE s.id = a.section_id))
      ORDER BY l.listed_at DESC, l.article_id DESC), '[]')
    FROM (
      SELECT listed_at, article_id FROM listing WHERE list_id = e.id AND direct = 0
      ORDER BY listed_at DESC, article_id DESC LIMIT 20) l
    JOIN article a ON a.id = l.article_id)),
  'mostRead', json_build_object('nodes', (
    SELECT coalesce(json_agg(json_build_object('headline', a.headline, 'slug', a.slug)
      ORDER BY a.read_count DESC, a.id DESC), '[]')
    FROM (
      SELECT * FROM article WHERE edition_id = e.id AND status = 'published'
      ORDER BY read_count DESC, id DESC LIMIT 10) a)),
  'featuredSections', (
    SELECT coalesce(json_agg(json_build_object('name', s.name, 'slug', s.slug, 'articleCount', s.article_count)
      ORDER BY s.position, s.id), '[]')
    FROM section s WHERE s.edition_id = e.id AND s.featured),
  'followChannels', (
    SELECT coalesce(json_agg(json_build_object('platform', upper(f.platform), 'name', f.name, 'handle', f.handle, 'url', f.url)
      ORDER BY f.position, f.id), '[]')
    FROM follow_channel f WHERE f.edition_id = e.id)
))::text
FROM edition e WHERE e.slug = 'ar'
