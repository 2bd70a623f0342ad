-- WebSub. The subscription row is the queue: a delivery is owed when given < the document's version.

CREATE TABLE subscriptions (
    num           BIGINT NOT NULL PRIMARY KEY,
    feed          TEXT   NOT NULL,
    format        TEXT   NOT NULL,
    callback      TEXT   NOT NULL,               -- opaque: never normalised
    kind          TEXT   NOT NULL,               -- subscriber: gets the document; hub: gets a ping
    secret        TEXT,
    lease_until   BIGINT NOT NULL,
    given         BIGINT NOT NULL,               -- the version that arrived last
    due_at        BIGINT NOT NULL,               -- not before this
    claimed_until BIGINT NOT NULL DEFAULT 0,
    claimed_by    TEXT   NOT NULL DEFAULT '',
    failures      BIGINT NOT NULL DEFAULT 0,     -- in a row
    failing_since BIGINT,
    error         TEXT,
    delivered     BIGINT NOT NULL DEFAULT 0,     -- how many arrived
    delivered_at  BIGINT,
    latency       BIGINT,                        -- milliseconds that the last one took
    UNIQUE (feed, format, callback)
);
CREATE INDEX subscriptions_behind ON subscriptions (feed, format, given);

-- Requests to subscribe, to unsubscribe, and denials, on their way to the callback. The newest of a callback counts.
CREATE TABLE intents (
    num           BIGINT NOT NULL PRIMARY KEY,
    feed          TEXT   NOT NULL,
    format        TEXT   NOT NULL,
    callback      TEXT   NOT NULL,
    topic         TEXT   NOT NULL,               -- as the subscriber wrote it
    mode          TEXT   NOT NULL,               -- subscribe, unsubscribe, denied
    secret        TEXT,
    lease         BIGINT NOT NULL,               -- milliseconds
    given         BIGINT NOT NULL,               -- the version that the subscriber is taken to have
    due_at        BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL DEFAULT 0,
    claimed_by    TEXT   NOT NULL DEFAULT '',
    failures      BIGINT NOT NULL DEFAULT 0,
    UNIQUE (feed, format, callback)
);

-- A bounded log of what went out.
CREATE TABLE deliveries (
    num      BIGINT NOT NULL PRIMARY KEY,
    at       BIGINT NOT NULL,
    feed     TEXT   NOT NULL,
    format   TEXT   NOT NULL,
    callback TEXT   NOT NULL,
    version  BIGINT NOT NULL,
    latency  BIGINT NOT NULL,
    error    TEXT
);

-- Our own subscriptions, to feeds whose upstream announces a hub.
CREATE TABLE upstreams (
    source      TEXT   NOT NULL PRIMARY KEY,
    hub         TEXT   NOT NULL,
    topic       TEXT   NOT NULL,
    key         TEXT   NOT NULL UNIQUE,          -- of the callback: unguessable
    secret      TEXT   NOT NULL,
    wanted      BIGINT NOT NULL,                 -- 1: subscribe, 0: unsubscribe and forget
    lease_until BIGINT NOT NULL DEFAULT 0,       -- pushes come until then
    due_at      BIGINT NOT NULL,                 -- ask the hub then
    failures    BIGINT NOT NULL DEFAULT 0,
    error       TEXT
);
