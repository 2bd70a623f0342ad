//! The tables and their columns, for what does the same with all of them.

use super::StoreError;
use super::db::{Arg, Kind, Tx};

/// The table whose words are searched.
pub(super) const ARTICLES: &str = "articles";

/// A row's values, in the order of its table's columns.
pub(super) type Row = Vec<Arg>;

/// A table that moves. The first `key` of its columns are its primary key.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) key: usize,
    pub(super) columns: &'static [(&'static str, Kind)],
}

/// All that moves, but for claims, and for the words of searches, which are made anew.
pub(super) const TABLES: [Table; 11] = {
    use Kind::{Bytes, Int, Text};
    [
        Table {
            name: "sources",
            key: 1,
            columns: &[
                ("name", Text),
                ("made_of", Text),
                ("cursor", Text),
                ("due_at", Int),
                ("unfinished", Int),
                ("failures", Int),
                ("error", Text),
                ("note", Text),
                ("pulled_at", Int),
                ("changed_at", Int),
            ],
        },
        Table {
            name: ARTICLES,
            key: 1,
            columns: &[
                ("num", Int),
                ("id", Text),
                ("released_at", Int),
                ("withdrawn_at", Int),
                ("published", Int),
                ("updated", Int),
                ("first_seen", Int),
                ("source", Text),
                ("precedence", Int),
                ("link_key", Text),
                ("link", Text),
                ("language", Text),
                ("title", Text),
                ("summary", Text),
                ("lists", Text),
                ("html", Text),
            ],
        },
        Table {
            name: "origins",
            key: 2,
            columns: &[("source", Text), ("key", Text), ("article", Int), ("revision", Text), ("gone_at", Int)],
        },
        Table { name: "revisions", key: 2, columns: &[("article", Int), ("replaced_at", Int), ("was", Text)] },
        Table {
            name: "terms",
            key: 3,
            columns: &[("term", Text), ("published", Int), ("article", Int), ("updated", Int)],
        },
        Table {
            name: "topics",
            key: 2,
            columns: &[
                ("feed", Text),
                ("format", Text),
                ("wanted", Int),
                ("rendered", Int),
                ("made_of", Text),
                ("error", Text),
            ],
        },
        Table {
            name: "documents",
            key: 2,
            columns: &[
                ("feed", Text),
                ("format", Text),
                ("version", Int),
                ("etag", Text),
                ("last_modified", Int),
                ("plain", Bytes),
                ("gzip", Bytes),
                ("brotli", Bytes),
                ("zstd", Bytes),
            ],
        },
        Table {
            name: "subscriptions",
            key: 1,
            columns: &[
                ("num", Int),
                ("feed", Text),
                ("format", Text),
                ("callback", Text),
                ("kind", Text),
                ("secret", Text),
                ("lease_until", Int),
                ("given", Int),
                ("due_at", Int),
                ("failures", Int),
                ("failing_since", Int),
                ("error", Text),
                ("delivered", Int),
                ("delivered_at", Int),
                ("latency", Int),
            ],
        },
        Table {
            name: "intents",
            key: 1,
            columns: &[
                ("num", Int),
                ("feed", Text),
                ("format", Text),
                ("callback", Text),
                ("topic", Text),
                ("mode", Text),
                ("secret", Text),
                ("lease", Int),
                ("given", Int),
                ("due_at", Int),
                ("failures", Int),
            ],
        },
        Table {
            name: "deliveries",
            key: 1,
            columns: &[
                ("num", Int),
                ("at", Int),
                ("feed", Text),
                ("format", Text),
                ("callback", Text),
                ("version", Int),
                ("latency", Int),
                ("error", Text),
            ],
        },
        Table {
            name: "upstreams",
            key: 1,
            columns: &[
                ("source", Text),
                ("hub", Text),
                ("topic", Text),
                ("key", Text),
                ("secret", Text),
                ("wanted", Int),
                ("lease_until", Int),
                ("due_at", Int),
                ("failures", Int),
                ("error", Text),
                ("old_key", Text),
            ],
        },
    ]
};

impl Table {
    pub(super) fn names(&self) -> String {
        self.columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn key_names(&self) -> String {
        self.columns[..self.key].iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    pub(super) fn kinds(&self) -> Vec<Kind> {
        self.columns.iter().map(|(_, kind)| *kind).collect()
    }

    /// The key of a row.
    pub(super) fn key_of(&self, row: &[Arg]) -> Row {
        row[..self.key].to_vec()
    }

    pub(super) async fn count(&self, tx: &mut Tx) -> Result<i64, StoreError> {
        let row: Option<(i64,)> = tx.first(format!("SELECT count(*) FROM {}", self.name), Vec::new()).await?;
        Ok(row.map_or(0, |(count,)| count))
    }

    /// Reads everything, in the order of the key.
    pub(super) fn all(&self) -> String {
        format!("SELECT {} FROM {} ORDER BY {}", self.names(), self.name, self.key_names())
    }

    /// Reads the rows with these keys. The join holds both databases to a look into the index for each.
    pub(super) fn with_keys(&self, tx: &Tx, names: &str, keys: impl IntoIterator<Item = Row>) -> (String, Vec<Arg>) {
        let same = |(at, (name, _)): (usize, &(&str, Kind))| format!("{name} = wanted.column{}", at + 1);
        let same: Vec<String> = self.columns[..self.key].iter().enumerate().map(same).collect();
        let tail = format!(") AS wanted CROSS JOIN {} WHERE {}", self.name, same.join(" AND "));
        tx.listed(&format!("SELECT {names} FROM ("), keys, &tail)
    }

    /// Deletes the rows with these keys.
    pub(super) async fn delete(&self, tx: &mut Tx, keys: Vec<Row>) -> Result<(), StoreError> {
        let head = format!("DELETE FROM {} WHERE", self.name);
        if let [(name, _)] = self.columns[..self.key] {
            let sql = format!("{head} {name} IN ({{}})");
            return tx.run_in(&sql, Vec::new(), keys.into_iter().flatten().collect()).await;
        }
        let is = |(at, (name, _)): (usize, &(&str, Kind))| format!("{name} = ${}", at + 1);
        let key: Vec<String> = self.columns[..self.key].iter().enumerate().map(is).collect();
        for row in keys {
            tx.run(format!("{head} {}", key.join(" AND ")), row).await?;
        }
        Ok(())
    }
}
