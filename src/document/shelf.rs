//! The shelf: documents in memory, within a bound. What does not fit is a row away.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache;

use super::Document;
use crate::store::Topic;

/// Bytes that the shelf holds, all encodings counted.
const MAX_BYTES: u64 = 48 << 20;

/// Documents by topic.
pub struct Shelf(Cache<Topic, Arc<Document>, Size>);

impl Default for Shelf {
    fn default() -> Self {
        Self(Cache::with_weighter(1000, MAX_BYTES, Size))
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

    /// The topics that are here, each with its version and whether it has all its encodings.
    pub fn held(&self) -> Vec<(Topic, i64, bool)> {
        self.0.iter().map(|(topic, document)| (topic, document.version, document.encoded.len() == 3)).collect()
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
