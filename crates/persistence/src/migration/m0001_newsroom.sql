-- migrate:up
-- Media first: everything else may show a picture.
CREATE TABLE media (
    id {uuid} PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('image', 'video', 'audio')),
    url text,
    width {int} CHECK (width > 0),
    height {int} CHECK (height > 0),
    seconds {int} CHECK (seconds >= 0),
    alt text,
    caption text,
    credit text,
    placeholder text,
    focal_point text,
    renditions text NOT NULL
) {strict};

CREATE TABLE edition (
    id {uuid} PRIMARY KEY,
    slug text NOT NULL UNIQUE,
    name text NOT NULL,
    language text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('ltr', 'rtl')),
    label_live text,
    label_follow text,
    label_sections text,
    label_stories text,
    label_comments text,
    article_count {bigint} NOT NULL CHECK (article_count >= 0)
) {strict};

CREATE TABLE section (
    id {uuid} PRIMARY KEY,
    edition_id {uuid} NOT NULL REFERENCES edition (id),
    parent_id {uuid} REFERENCES section (id),
    slug text NOT NULL,
    name text NOT NULL,
    summary text,
    position {int} NOT NULL CHECK (position >= 0),
    featured {bool} NOT NULL,
    article_count {bigint} NOT NULL CHECK (article_count >= 0),
    CHECK (parent_id <> id),
    UNIQUE (edition_id, slug)
) {strict};

-- "The sections of an edition, in order", all or the featured ones, and a section's children.
CREATE INDEX section_of_edition ON section (edition_id, position, id);
CREATE INDEX section_of_parent ON section (parent_id, position, id);

-- Every section with each section that it lies in, itself included at height 0.
CREATE TABLE section_path (
    section_id {uuid} NOT NULL REFERENCES section (id),
    ancestor_id {uuid} NOT NULL REFERENCES section (id),
    height {int} NOT NULL CHECK (height >= 0),
    PRIMARY KEY (section_id, ancestor_id)
) {strict};

CREATE INDEX section_path_of_section ON section_path (section_id, height, ancestor_id);
CREATE INDEX section_path_of_ancestor ON section_path (ancestor_id);

CREATE TABLE story (
    id {uuid} PRIMARY KEY,
    edition_id {uuid} NOT NULL REFERENCES edition (id),
    kind text NOT NULL CHECK (kind IN ('running', 'show', 'rubric')),
    status text NOT NULL CHECK (status IN ('active', 'archived')),
    slug text NOT NULL,
    title text NOT NULL,
    summary text,
    image_id {uuid} REFERENCES media (id),
    pinned_position {int} CHECK (pinned_position >= 0),
    article_count {bigint} NOT NULL CHECK (article_count >= 0),
    reported_article_count {bigint} CHECK (reported_article_count >= 0),
    last_article_at {time},
    active_at {time} NOT NULL,
    UNIQUE (edition_id, slug)
) {strict};

-- "The stories of an edition, liveliest first", and its rail.
CREATE INDEX story_of_edition ON story (edition_id, active_at, id);
CREATE INDEX story_pinned ON story (edition_id, pinned_position, id) WHERE pinned_position IS NOT NULL;

CREATE TABLE person (
    id {uuid} PRIMARY KEY,
    edition_id {uuid} NOT NULL REFERENCES edition (id),
    slug text NOT NULL,
    name text NOT NULL,
    role text,
    biography text,
    portrait_id {uuid} REFERENCES media (id),
    article_count {bigint} NOT NULL CHECK (article_count >= 0),
    UNIQUE (edition_id, slug)
) {strict};

CREATE TABLE source (
    id {uuid} PRIMARY KEY,
    edition_id {uuid} NOT NULL REFERENCES edition (id),
    kind text CHECK (kind IN ('agency', 'outlet')),
    slug text NOT NULL,
    name text NOT NULL,
    url text,
    article_count {bigint} NOT NULL CHECK (article_count >= 0),
    UNIQUE (edition_id, slug)
) {strict};

CREATE TABLE topic (
    id {uuid} PRIMARY KEY,
    edition_id {uuid} NOT NULL REFERENCES edition (id),
    kind text NOT NULL CHECK (kind IN ('person', 'place', 'organisation', 'subject')),
    slug text NOT NULL,
    name text NOT NULL,
    summary text,
    media_topic text,
    article_count {bigint} NOT NULL CHECK (article_count >= 0),
    UNIQUE (edition_id, slug)
) {strict};

CREATE TABLE article (
    id {uuid} PRIMARY KEY,
    edition_id {uuid} NOT NULL REFERENCES edition (id),
    kind text NOT NULL CHECK (kind IN ('news', 'opinion', 'analysis', 'liveblog', 'video', 'gallery', 'episode')),
    status text NOT NULL CHECK (status IN ('draft', 'review', 'scheduled', 'published', 'withdrawn')),
    slug text NOT NULL,
    canonical_url text UNIQUE,
    headline text NOT NULL,
    lead text,
    excerpt text NOT NULL,
    hero_id {uuid} REFERENCES media (id),
    source_id {uuid} REFERENCES source (id),
    section_id {uuid} REFERENCES section (id),
    language text NOT NULL,
    direction text NOT NULL CHECK (direction IN ('ltr', 'rtl')),
    has_photos {bool} NOT NULL,
    has_video {bool} NOT NULL,
    has_audio {bool} NOT NULL,
    is_stub {bool} NOT NULL,
    first_published_at {time},
    published_at {time},
    updated_at {time},
    listed_at {time} NOT NULL,
    version {int} NOT NULL CHECK (version >= 1),
    reading_minutes {int} NOT NULL CHECK (reading_minutes >= 0),
    comment_count {bigint} NOT NULL CHECK (comment_count >= 0),
    read_count {bigint} NOT NULL CHECK (read_count >= 0),
    UNIQUE (edition_id, slug)
) {strict};

-- "The most read articles of an edition."
CREATE INDEX article_most_read ON article (edition_id, read_count, id) WHERE status = 'published';

-- Apart from the article, so that no list ever drags a body along.
CREATE TABLE article_body (
    article_id {uuid} PRIMARY KEY REFERENCES article (id),
    blocks text NOT NULL
) {strict};

CREATE TABLE article_author (
    article_id {uuid} NOT NULL REFERENCES article (id),
    person_id {uuid} NOT NULL REFERENCES person (id),
    position {int} NOT NULL CHECK (position >= 0),
    PRIMARY KEY (article_id, person_id)
) {strict};

CREATE INDEX article_author_in_order ON article_author (article_id, position, person_id);

CREATE TABLE article_topic (
    article_id {uuid} NOT NULL REFERENCES article (id),
    topic_id {uuid} NOT NULL REFERENCES topic (id),
    position {int} NOT NULL CHECK (position >= 0),
    PRIMARY KEY (article_id, topic_id)
) {strict};

CREATE INDEX article_topic_in_order ON article_topic (article_id, position, topic_id);

CREATE TABLE article_story (
    article_id {uuid} NOT NULL REFERENCES article (id),
    story_id {uuid} NOT NULL REFERENCES story (id),
    position {int} NOT NULL CHECK (position >= 0),
    PRIMARY KEY (article_id, story_id)
) {strict};

CREATE INDEX article_story_in_order ON article_story (article_id, position, story_id);

CREATE TABLE story_topic (
    story_id {uuid} NOT NULL REFERENCES story (id),
    topic_id {uuid} NOT NULL REFERENCES topic (id),
    position {int} NOT NULL CHECK (position >= 0),
    PRIMARY KEY (story_id, topic_id)
) {strict};

CREATE INDEX story_topic_in_order ON story_topic (story_id, position, topic_id);

-- Where a published article stands in the lists that readers page through: its edition's, its
-- section's and those above, its stories', topics', authors' and source's. Drafts have no rows
-- here, so no list can leak one. What lists sort and filter by is copied from the article, so a
-- page is read from one index whatever the list's length.
CREATE TABLE listing (
    list_id {uuid} NOT NULL,
    -- 1 in the rows that list only what is filed in the section itself, not below it.
    own {int} NOT NULL CHECK (own IN (0, 1)),
    article_id {uuid} NOT NULL REFERENCES article (id),
    noun text NOT NULL CHECK (noun IN ('edition', 'section', 'story', 'topic', 'person', 'source')),
    listed_at {time} NOT NULL,
    comment_count {bigint} NOT NULL,
    kind text NOT NULL,
    language text NOT NULL,
    has_photos {bool} NOT NULL,
    has_video {bool} NOT NULL,
    has_audio {bool} NOT NULL,
    PRIMARY KEY (list_id, own, article_id)
) {strict};

CREATE INDEX listing_newest ON listing (list_id, own, listed_at, article_id, kind, language, has_photos, has_video, has_audio);
CREATE INDEX listing_most_commented ON listing (list_id, own, comment_count, article_id, listed_at, kind, language, has_photos, has_video, has_audio);
CREATE INDEX listing_of_article ON listing (article_id);

CREATE TABLE related (
    from_id {uuid} NOT NULL REFERENCES article (id),
    to_id {uuid} NOT NULL REFERENCES article (id),
    rank {int} NOT NULL CHECK (rank >= 0),
    origin text NOT NULL CHECK (origin IN ('editorial', 'computed')),
    reason text NOT NULL CHECK (reason IN ('chosen', 'same-story', 'shared-topics', 'similar-text')),
    score {real} CHECK (score >= 0 AND score <= 1),
    PRIMARY KEY (from_id, to_id),
    CHECK (from_id <> to_id)
) {strict};

CREATE INDEX related_in_order ON related (from_id, rank, to_id);
CREATE INDEX related_to ON related (to_id);

CREATE TABLE comment (
    id {uuid} PRIMARY KEY,
    article_id {uuid} NOT NULL REFERENCES article (id),
    parent_id {uuid} REFERENCES comment (id),
    author_name text NOT NULL,
    text text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'approved', 'rejected', 'hidden')),
    posted_at {time} NOT NULL,
    reply_count {bigint} NOT NULL CHECK (reply_count >= 0),
    CHECK (parent_id <> id)
) {strict};

CREATE INDEX comment_of_article ON comment (article_id, posted_at, id) WHERE status = 'approved' AND parent_id IS NULL;
CREATE INDEX comment_replies ON comment (parent_id, posted_at, id) WHERE status = 'approved' AND parent_id IS NOT NULL;

CREATE TABLE live_channel (
    id {uuid} PRIMARY KEY,
    edition_id {uuid} NOT NULL REFERENCES edition (id),
    name text NOT NULL,
    stream_url text,
    poster_id {uuid} REFERENCES media (id),
    on_air {bool},
    position {int} NOT NULL CHECK (position >= 0)
) {strict};

CREATE INDEX live_channel_of_edition ON live_channel (edition_id, position, id);

CREATE TABLE follow_channel (
    id {uuid} PRIMARY KEY,
    edition_id {uuid} NOT NULL REFERENCES edition (id),
    platform text NOT NULL,
    name text NOT NULL,
    handle text,
    url text,
    position {int} NOT NULL CHECK (position >= 0)
) {strict};

CREATE INDEX follow_channel_of_edition ON follow_channel (edition_id, position, id);

CREATE TABLE home_lead (
    edition_id {uuid} NOT NULL REFERENCES edition (id),
    article_id {uuid} NOT NULL REFERENCES article (id),
    position {int} NOT NULL CHECK (position >= 0),
    PRIMARY KEY (edition_id, article_id)
) {strict};

CREATE INDEX home_lead_in_order ON home_lead (edition_id, position, article_id);

CREATE TABLE change (
    seq {bigint} PRIMARY KEY,
    at {time} NOT NULL,
    noun text NOT NULL,
    noun_id {uuid} NOT NULL,
    act text NOT NULL CHECK (act IN ('added', 'changed', 'withdrawn')),
    keys text NOT NULL
) {strict};

-- One row: the number of the last change. Locking it orders the commits.
CREATE TABLE change_head (
    id {int} PRIMARY KEY CHECK (id = 1),
    seq {bigint} NOT NULL CHECK (seq >= 0)
) {strict};

INSERT INTO change_head (id, seq) VALUES (1, 0) ON CONFLICT (id) DO NOTHING;

-- migrate:down
DROP TABLE change_head;
DROP TABLE change;
DROP TABLE home_lead;
DROP TABLE follow_channel;
DROP TABLE live_channel;
DROP TABLE comment;
DROP TABLE related;
DROP TABLE listing;
DROP TABLE story_topic;
DROP TABLE article_story;
DROP TABLE article_topic;
DROP TABLE article_author;
DROP TABLE article_body;
DROP TABLE article;
DROP TABLE topic;
DROP TABLE source;
DROP TABLE person;
DROP TABLE story;
DROP TABLE section_path;
DROP TABLE section;
DROP TABLE edition;
DROP TABLE media;
