//! The shelf: documents in memory, within a bound. What does not fit is a row away.

use std::collections::HashSet;
use std::sync::Arc;

use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use super::Document;
use crate::store::{Edition, Topic};

/// Bytes that the shelf holds, all encodings counted.
const MAX_BYTES: u64 = 48 << 20;

/// Documents by topic.
pub struct Shelf(Cache<Topic, Arc<Document>, Size>);

impl Default for Shelf {
    fn default() -> Self {
        // One shard: of many, each would have its part of the bound, which a long document exceeds when there is room for it.
        let options = OptionsBuilder::new().shards(1).estimated_items_capacity(1000).weight_capacity(MAX_BYTES).build();
        let options = options.expect("both sizes are given");
        Self(Cache::with_options(options, Size, DefaultHashBuilder::default(), DefaultLifecycle::default()))
    }
}

impl Shelf {
    /// The document of a topic, if it is here.
    pub fn get(&self, topic: &Topic) -> Option<Arc<Document>> {
        self.0.get(topic)
    }

    /// Puts a document up, unless a later version is there.
    pub fn put(&self, topic: Topic, document: Document) -> Arc<Document> {
        let document = Arc::new(document);
        match self.0.peek(&topic) {
            Some(there) if there.version > document.version => there,
            _ => {
                self.0.insert(topic, Arc::clone(&document));
                document
            }
        }
    }

    /// What is here and not as it is stored: the topics, each with the version that is here.
    pub fn outdated(&self, stored: &[Edition]) -> Vec<(Topic, i64)> {
        let stored: HashSet<(&Topic, i64, bool)> =
            stored.iter().map(|edition| (&edition.topic, edition.version, edition.is_whole)).collect();
        let is_as_stored = |topic: &Topic, document: &Document| {
            stored.contains(&(topic, document.version, document.encoded.len() == 3))
        };
        let held = self.0.iter().filter(|(topic, document)| !is_as_stored(topic, document));
        held.map(|(topic, document)| (topic, document.version)).collect()
    }

    /// What is stored, is not here, and has room: the smallest first, so that as many as can be are here.
    pub fn missing(&self, stored: Vec<Edition>) -> Vec<Topic> {
        let mut missing: Vec<Edition> = stored;
        missing.retain(|edition| !self.0.contains_key(&edition.topic));
        missing.sort_by_key(|edition| edition.bytes);
        let mut room = MAX_BYTES.saturating_sub(self.0.weight());
        let fits = |edition: &Edition| {
            let left = room.checked_sub(edition.bytes);
            room = left.unwrap_or(room);
            left.is_some()
        };
        missing.into_iter().take_while(fits).map(|edition| edition.topic).collect()
    }

    /// Takes a document down.
    pub fn remove(&self, topic: &Topic) {
        self.0.remove(topic);
    }
}

#[derive(Clone)]
struct Size;

impl Weighter<Topic, Arc<Document>> for Size {
    fn weight(&self, _topic: &Topic, document: &Arc<Document>) -> u64 {
        document.size() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::fresh;
    use crate::store::Stored;

    fn topic(feed: &str) -> Topic {
        Topic { feed: feed.to_owned(), format: "rss".to_owned() }
    }

    fn document(version: i64, bytes: usize) -> Document {
        let fresh = fresh(vec![b'x'; bytes]);
        let stored = Stored {
            version,
            etag: fresh.etag,
            last_modified: chrono::DateTime::UNIX_EPOCH,
            plain: fresh.plain,
            gzip: fresh.gzip,
            brotli: None,
            zstd: None,
        };
        stored.into()
    }

    fn edition(feed: &str, version: i64, bytes: u64) -> Edition {
        Edition { topic: topic(feed), version, is_whole: false, bytes }
    }

    #[test]
    fn what_is_missing_is_told_as_far_as_there_is_room_the_smallest_first() {
        let shelf = Shelf::default();
        shelf.put(topic("held"), document(1, 1000));
        let stored = vec![
            edition("held", 1, 1000),
            edition("large", 1, MAX_BYTES - 100_000),
            edition("small", 1, 10),
            edition("middle", 1, 50_000),
            edition("too large", 1, MAX_BYTES),
        ];
        assert_eq!(shelf.missing(stored), ["small", "middle", "large"].map(topic));
    }

    #[test]
    fn the_whole_bound_can_be_used_by_documents_of_any_size() {
        let shelf = Shelf::default();
        let sizes = [20 << 20, 12 << 20, 8 << 20, 4 << 20, 2 << 20, 1 << 20];
        for (number, size) in sizes.iter().enumerate() {
            shelf.put(topic(&number.to_string()), document(1, *size));
        }
        for number in 0..sizes.len() {
            assert!(shelf.get(&topic(&number.to_string())).is_some(), "{number}");
        }
    }

    #[test]
    fn what_is_not_as_it_is_stored_is_outdated() {
        let shelf = Shelf::default();
        for (feed, version) in [("same", 1), ("newer", 2), ("gone", 3)] {
            shelf.put(topic(feed), document(version, 10));
        }
        let mut outdated = shelf.outdated(&[edition("same", 1, 10), edition("newer", 3, 10), edition("other", 1, 10)]);
        outdated.sort();
        assert_eq!(outdated, [(topic("gone"), 3), (topic("newer"), 2)]);
    }
}
