-- The desk: sources, articles, topics. One text for both databases: times are BIGINT milliseconds since 1970,
-- ids and names TEXT, lists JSON in TEXT; there are no booleans. Full-text search differs and is made in db.rs.

CREATE TABLE sources (
    name          TEXT   NOT NULL PRIMARY KEY,
    made_of       TEXT   NOT NULL,               -- fingerprint of the configuration
    cursor        TEXT,
    due_at        BIGINT NOT NULL,               -- owed when due_at <= now
    claimed_until BIGINT NOT NULL DEFAULT 0,
    claimed_by    TEXT   NOT NULL DEFAULT '',
    unfinished    BIGINT NOT NULL DEFAULT 0,     -- 1: the last pull was cut short
    failures      BIGINT NOT NULL DEFAULT 0,     -- in a row
    error         TEXT,                          -- of the last pull, if it failed
    note          TEXT,
    pulled_at     BIGINT,                        -- last pull that succeeded
    changed_at    BIGINT                         -- last pull that brought something
);

CREATE TABLE articles (
    num          BIGINT NOT NULL PRIMARY KEY,    -- ours alone; ascends with first sight
    id           TEXT   NOT NULL UNIQUE,         -- what readers see; never changes
    released_at  BIGINT,                         -- readers may see it since
    withdrawn_at BIGINT,                         -- readers may not see it any more
    published    BIGINT NOT NULL,
    updated      BIGINT NOT NULL,
    first_seen   BIGINT NOT NULL,
    source       TEXT   NOT NULL,                -- whose text it has
    precedence   BIGINT NOT NULL,                -- of that source: the smaller wins
    link_key     TEXT,
    link         TEXT,
    language     TEXT   NOT NULL,
    title        TEXT   NOT NULL,
    summary      TEXT   NOT NULL,
    lists        TEXT   NOT NULL,                -- authors, sections, tags, sources, image
    html         TEXT   NOT NULL
);
CREATE INDEX articles_by_second ON articles ((updated / 1000));
CREATE INDEX articles_by_link ON articles (link_key);
CREATE INDEX articles_to_release ON articles (published) WHERE released_at IS NULL;

-- The one gate: selection reads this view and nothing else.
CREATE VIEW shown AS SELECT * FROM articles WHERE released_at IS NOT NULL AND withdrawn_at IS NULL;

-- Under which name of which source an article comes.
CREATE TABLE origins (
    source   TEXT   NOT NULL,
    key      TEXT   NOT NULL,
    article  BIGINT NOT NULL,
    revision TEXT,
    gone_at  BIGINT,
    PRIMARY KEY (source, key)
);
CREATE INDEX origins_by_article ON origins (article);

-- What an article said before it was corrected.
CREATE TABLE revisions (
    article    BIGINT NOT NULL,
    replaced_at BIGINT NOT NULL,
    was        TEXT   NOT NULL,
    PRIMARY KEY (article, replaced_at)
);

-- What feeds select by: source:…, section:…, tag:…, author:…, language:…, and "all".
CREATE TABLE terms (
    term      TEXT   NOT NULL,
    published BIGINT NOT NULL,
    article   BIGINT NOT NULL,
    updated   BIGINT NOT NULL,
    PRIMARY KEY (term, published, article)
);
CREATE INDEX terms_by_update ON terms (term, updated, article);
CREATE INDEX terms_by_article ON terms (article);

-- A feed in a format.
CREATE TABLE topics (
    feed     TEXT   NOT NULL,
    format   TEXT   NOT NULL,
    wanted   BIGINT NOT NULL,                    -- owed when rendered < wanted
    rendered BIGINT NOT NULL DEFAULT 0,
    made_of  TEXT   NOT NULL,                    -- fingerprint of the configuration
    error    TEXT,
    PRIMARY KEY (feed, format)
);

-- The last good document of a topic.
CREATE TABLE documents (
    feed          TEXT   NOT NULL,
    format        TEXT   NOT NULL,
    version       BIGINT NOT NULL,
    etag          TEXT   NOT NULL,
    last_modified BIGINT NOT NULL,
    plain         BYTEA  NOT NULL,
    gzip          BYTEA  NOT NULL,
    brotli        BYTEA,                         -- made right after
    zstd          BYTEA,
    PRIMARY KEY (feed, format)
);
