//! Topics and their documents.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};

use super::db::{Tx, args};
use super::{Store, StoreError, instant, millis, subscriptions};

/// A feed in a format, both by name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic {
    /// The feed's name.
    pub feed: String,
    /// The format's ending, such as `rss`.
    pub format: String,
}

/// A topic that must be rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    /// Which.
    pub topic: Topic,
    /// What it must come up to.
    pub wanted: i64,
    /// The fingerprint of the configuration that it must be made of.
    pub made_of: String,
}

/// What became of a topic that was behind.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Which, and how far it has come.
    pub behind: Behind,
    /// Its document, if it could be made.
    pub document: Option<Fresh>,
    /// Why not, or what was left out of it.
    pub error: Option<String>,
}

/// A document that was just made.
#[derive(Debug, Clone)]
pub struct Fresh {
    /// Made from the bytes, without quotes.
    pub etag: String,
    /// The bytes.
    pub plain: Bytes,
    /// The bytes, compressed.
    pub gzip: Bytes,
}

impl Fresh {
    /// The document that follows one with this ETag, version and Last-Modified; `None` if the bytes are the same. Its
    /// Last-Modified is later, even within a second: a client that only knows dates must see the change. Versions go on from
    /// the clock, so that a feed that was removed and comes back does not count from the start.
    fn following(self, before: Option<(String, i64, DateTime<Utc>)>, now: DateTime<Utc>) -> Option<Stored> {
        let second = DateTime::from_timestamp(now.timestamp(), 0).unwrap_or(now);
        let (version, last_modified) = match before {
            Some((etag, ..)) if etag == self.etag => return None,
            Some((_, version, at)) => (version + 1, second.max(at + TimeDelta::seconds(1))),
            None => (millis(now), second),
        };
        let Fresh { etag, plain, gzip } = self;
        Some(Stored { version, etag, last_modified, plain, gzip, brotli: None, zstd: None })
    }
}

/// A document as it is stored.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Counts changes of the bytes.
    pub version: i64,
    /// Made from the bytes, without quotes.
    pub etag: String,
    /// Whole seconds; never goes back.
    pub last_modified: DateTime<Utc>,
    /// The bytes.
    pub plain: Bytes,
    /// The bytes, compressed.
    pub gzip: Bytes,
    /// The bytes, compressed; `None` until there was time for it.
    pub brotli: Option<Bytes>,
    /// The bytes, compressed; `None` until there was time for it.
    pub zstd: Option<Bytes>,
}

/// A document as a shelf compares itself with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition {
    /// Which.
    pub topic: Topic,
    /// Counts changes of the bytes.
    pub version: i64,
    /// Whether it has all its encodings.
    pub is_whole: bool,
    /// Its size, all encodings counted.
    pub bytes: u64,
}

/// How a topic stands.
#[derive(Debug, Clone)]
pub struct TopicState {
    /// Which.
    pub topic: Topic,
    /// Changes that it must still show.
    pub behind: i64,
    /// Why it could not be rendered, or which articles were left out.
    pub error: Option<String>,
    /// When its bytes last changed.
    pub last_modified: Option<DateTime<Utc>>,
    /// Size of its document.
    pub bytes: i64,
}

impl Store {
    /// Makes the topics known as they are configured: each with a fingerprint of all that its document is made of besides
    /// articles. Where that is new, the topic is behind. Topics that are no longer configured go; the subscribers of feeds that
    /// have another name now (`renamed`: from old to new) come along. Tells whether anything changed.
    pub async fn configure(
        &self,
        topics: &[(Topic, String)],
        renamed: &BTreeMap<String, String>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.db.write().await?;
        let known: Vec<(String, String, String)> =
            tx.all("SELECT feed, format, made_of FROM topics", Vec::new()).await?;
        let mut changed = false;
        for (feed, format, _) in &known {
            if !topics.iter().any(|(topic, _)| topic.feed == *feed && topic.format == *format) {
                for table in ["topics", "documents"] {
                    let sql = format!("DELETE FROM {table} WHERE feed = $1 AND format = $2");
                    tx.run(sql, args![feed.as_str(), format.as_str()]).await?;
                }
                changed = true;
            }
        }
        for (topic, made_of) in topics {
            if known
                .iter()
                .any(|(feed, format, known)| *feed == topic.feed && *format == topic.format && known == made_of)
            {
                continue;
            }
            tx.run(
                "INSERT INTO topics (feed, format, wanted, made_of) VALUES ($1, $2, 1, $3) \
                 ON CONFLICT (feed, format) DO UPDATE SET wanted = topics.wanted + 1, made_of = excluded.made_of",
                args![topic.feed.as_str(), topic.format.as_str(), made_of.as_str()],
            )
            .await?;
            changed = true;
        }
        for (was, is) in renamed {
            subscriptions::rename(&mut tx, was, is).await?;
        }
        tx.commit().await?;
        Ok(changed)
    }

    /// Makes topics be looked at again.
    pub async fn want(&self, topics: &[Topic]) -> Result<(), StoreError> {
        let mut tx = self.db.write().await?;
        let mut topics = topics.to_vec();
        topics.sort_unstable();
        for topic in topics {
            let sql = "UPDATE topics SET wanted = wanted + 1 WHERE feed = $1 AND format = $2";
            tx.run(sql, args![topic.feed.as_str(), topic.format.as_str()]).await?;
        }
        tx.commit().await
    }

    /// The topics that are behind, feed by feed.
    pub async fn behind(&self) -> Result<Vec<Behind>, StoreError> {
        let sql = "SELECT feed, format, wanted, made_of FROM topics WHERE rendered < wanted";
        let rows: Vec<(String, String, i64, String)> = self.db.read().await?.all(sql, Vec::new()).await?;
        let behind = |(feed, format, wanted, made_of)| Behind { topic: Topic { feed, format }, wanted, made_of };
        let mut rows: Vec<Behind> = rows.into_iter().map(behind).collect();
        rows.sort_unstable_by(|one, other| one.topic.cmp(&other.topic));
        Ok(rows)
    }

    /// The ETag, version and Last-Modified of a topic's document, if it has one.
    pub async fn document_head(&self, topic: &Topic) -> Result<Option<(String, i64, DateTime<Utc>)>, StoreError> {
        let sql = "SELECT etag, version, last_modified FROM documents WHERE feed = $1 AND format = $2";
        let row: Option<(String, i64, i64)> =
            self.db.read().await?.first(sql, args![topic.feed.as_str(), topic.format.as_str()]).await?;
        Ok(row.map(|(etag, version, at)| (etag, version, instant(at))))
    }

    /// Says that topics have come up to what was wanted of them, and stores what is new. A topic that somebody has brought
    /// further meanwhile, or that is configured otherwise by now, is left alone. Gives what was stored.
    pub async fn publish(
        &self,
        rendered: Vec<Rendered>,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Topic, Stored)>, StoreError> {
        let mut tx = self.db.write().await?;
        let mut published = Vec::new();
        for Rendered { behind, document, error } in rendered {
            let topic = behind.topic;
            let key = || args![topic.feed.as_str(), topic.format.as_str()];
            let sql = "UPDATE topics SET rendered = $3, error = $4 WHERE feed = $1 AND format = $2 AND rendered < $3 AND made_of = $5";
            let mut values = key();
            values.extend(args![behind.wanted, error, behind.made_of.as_str()]);
            let done = tx.run(sql, values).await?;
            let Some(document) = document.filter(|_| done > 0) else { continue };
            let sql = "SELECT etag, version, last_modified FROM documents WHERE feed = $1 AND format = $2";
            let before: Option<(String, i64, i64)> = tx.first(sql, key()).await?;
            let Some(document) =
                document.following(before.map(|(etag, version, at)| (etag, version, instant(at))), now)
            else {
                continue;
            };
            let mut values = key();
            values.extend(args![
                document.version,
                document.etag.as_str(),
                millis(document.last_modified),
                &document.plain[..],
                &document.gzip[..],
            ]);
            tx.run(
                "INSERT INTO documents (feed, format, version, etag, last_modified, plain, gzip, brotli, zstd) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, NULL, NULL) \
                 ON CONFLICT (feed, format) DO UPDATE SET version = excluded.version, etag = excluded.etag, \
                 last_modified = excluded.last_modified, plain = excluded.plain, gzip = excluded.gzip, brotli = NULL, zstd = NULL",
                values,
            )
            .await?;
            // Something new is tried even with those who failed for too long (WebSub section 7).
            let sql = "UPDATE subscriptions SET due_at = $3 WHERE feed = $1 AND format = $2 AND due_at >= lease_until";
            let mut values = key();
            values.extend(args![millis(now)]);
            tx.run(sql, values).await?;
            published.push((topic, document));
        }
        tx.commit().await?;
        Ok(published)
    }

    /// A document that still lacks its smaller encodings, if there is one.
    pub async fn uncompressed(&self) -> Result<Option<(Topic, String, Vec<u8>)>, StoreError> {
        let sql = "SELECT feed, format, etag, plain FROM documents WHERE zstd IS NULL LIMIT 1";
        let row: Option<(String, String, String, Vec<u8>)> = self.db.read().await?.first(sql, Vec::new()).await?;
        Ok(row.map(|(feed, format, etag, plain)| (Topic { feed, format }, etag, plain)))
    }

    /// Adds the smaller encodings of a document, unless it has changed meanwhile.
    pub async fn compressed(&self, topic: &Topic, etag: &str, brotli: &[u8], zstd: &[u8]) -> Result<(), StoreError> {
        let mut tx = self.db.write_beside().await?;
        let sql = "UPDATE documents SET brotli = $4, zstd = $5 WHERE feed = $1 AND format = $2 AND etag = $3";
        tx.run(sql, args![topic.feed.as_str(), topic.format.as_str(), etag, brotli, zstd]).await?;
        tx.commit().await
    }

    /// A topic's document.
    pub async fn document(&self, topic: &Topic) -> Result<Option<Stored>, StoreError> {
        type Columns = (i64, String, i64, Vec<u8>, Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>);
        let sql = "SELECT version, etag, last_modified, plain, gzip, brotli, zstd FROM documents WHERE feed = $1 AND format = $2";
        let row: Option<Columns> =
            self.db.read().await?.first(sql, args![topic.feed.as_str(), topic.format.as_str()]).await?;
        Ok(row.map(|(version, etag, at, plain, gzip, brotli, zstd)| Stored {
            version,
            etag,
            last_modified: instant(at),
            plain: plain.into(),
            gzip: gzip.into(),
            brotli: brotli.map(Bytes::from),
            zstd: zstd.map(Bytes::from),
        }))
    }

    /// Every document, but for its bytes: tells what of a shelf is out of date, and what is not on it.
    pub async fn editions(&self) -> Result<Vec<Edition>, StoreError> {
        let sql = "SELECT feed, format, version, CAST(CASE WHEN zstd IS NULL THEN 0 ELSE 1 END AS BIGINT), \
                   CAST(length(plain) + length(gzip) + coalesce(length(brotli), 0) + coalesce(length(zstd), 0) AS BIGINT) \
                   FROM documents";
        let rows: Vec<(String, String, i64, i64, i64)> = self.db.read().await?.all(sql, Vec::new()).await?;
        let edition = |(feed, format, version, whole, bytes)| Edition {
            topic: Topic { feed, format },
            version,
            is_whole: whole == 1,
            bytes: u64::try_from(bytes).unwrap_or(0),
        };
        Ok(rows.into_iter().map(edition).collect())
    }

    /// How every topic stands.
    pub async fn topic_states(&self) -> Result<Vec<TopicState>, StoreError> {
        type Columns = (String, String, i64, Option<String>, Option<i64>, Option<i64>);
        let sql = "SELECT t.feed, t.format, t.wanted - t.rendered, t.error, d.last_modified, CAST(length(d.plain) AS BIGINT) \
                   FROM topics t LEFT JOIN documents d ON d.feed = t.feed AND d.format = t.format";
        let rows: Vec<Columns> = self.db.read().await?.all(sql, Vec::new()).await?;
        let state = |(feed, format, behind, error, at, bytes): Columns| TopicState {
            topic: Topic { feed, format },
            behind,
            error,
            last_modified: at.map(instant),
            bytes: bytes.unwrap_or(0),
        };
        let mut states: Vec<TopicState> = rows.into_iter().map(state).collect();
        states.sort_unstable_by(|one, other| one.topic.cmp(&other.topic));
        Ok(states)
    }
}

/// Raises `wanted` of the topics of these feeds. In sorted order, so that two workers never wait for each other in a circle.
pub(super) async fn want(tx: &mut Tx, feeds: &BTreeSet<String>) -> Result<(), StoreError> {
    for feed in feeds {
        tx.run("UPDATE topics SET wanted = wanted + 1 WHERE feed = $1", args![feed.as_str()]).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh(etag: &str) -> Fresh {
        Fresh { etag: etag.to_owned(), plain: Bytes::new(), gzip: Bytes::new() }
    }

    #[test]
    fn last_modified_moves_forward_even_within_a_second() {
        let now = DateTime::from_timestamp(1_800_000_000, 500).expect("a date");
        let first = fresh("one").following(None, now).expect("a document");
        let head = |stored: &Stored| Some((stored.etag.clone(), stored.version, stored.last_modified));
        assert!(fresh("one").following(head(&first), now).is_none(), "the same bytes are no change");
        let second = fresh("two").following(head(&first), now).expect("a document");
        assert_eq!(
            (second.version, second.last_modified),
            (first.version + 1, first.last_modified + TimeDelta::seconds(1))
        );
        let earlier = fresh("three").following(head(&second), now - TimeDelta::days(1)).expect("a document");
        assert!(earlier.last_modified > second.last_modified, "whatever the clock says");
    }
}
