//! What a pull came to, added up over its batches.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::article::SourceKey;
use crate::store::Outcome;

/// What a pull came to.
#[derive(Debug, Default, Clone)]
pub struct Tally {
    /// What became of each article: a pull may meet one twice.
    outcomes: HashMap<SourceKey, Outcome>,
    /// Why some could not become articles, by what the source calls them.
    pub rejected: BTreeMap<String, String>,
    /// Those that are dated in the future.
    pub waiting: HashSet<SourceKey>,
    /// What the operator should know about how the source was read.
    pub note: Option<String>,
}

impl Tally {
    pub(super) fn take(&mut self, key: SourceKey, outcome: Outcome) {
        let known = self.outcomes.entry(key).or_insert(outcome);
        if *known == Outcome::Unchanged {
            *known = outcome;
        }
    }

    /// How many articles had this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.outcomes.values().filter(|known| **known == outcome).count()
    }

    /// What the operator should know until the next pull: how the source was read, and what was left out.
    pub(super) fn remark(&self) -> Option<String> {
        let left_out = self
            .rejected
            .first_key_value()
            .map(|(key, why)| format!("{} rejected by the last pull, such as {key}: {why}", self.rejected.len()));
        let parts: Vec<String> = self.note.iter().cloned().chain(left_out).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// Whether readers may see a difference.
    pub fn changed(&self) -> bool {
        self.outcomes.values().any(|outcome| *outcome != Outcome::Unchanged)
    }
}
