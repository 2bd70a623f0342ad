//! Feeds that show nothing although there are articles: most often a section that is spelt otherwise.

use crate::article::spelling::nearest;
use crate::feed::Feed;
use crate::store::{Query, Store, StoreError};

/// The feeds that select nothing, by name, each with a line that says why. A newsroom without articles has none.
pub(super) async fn silent_feeds(store: &Store, feeds: &[Feed]) -> Result<Vec<(String, String)>, StoreError> {
    let mut silent = Vec::new();
    let (articles, _) = store.article_counts().await?;
    for feed in feeds.iter().filter(|_| articles > 0) {
        if is_empty(store, &feed.query).await? {
            silent.push((feed.info.name.clone(), reason(store, &feed.query).await?));
        }
    }
    Ok(silent)
}

async fn is_empty(store: &Store, query: &Query) -> Result<bool, StoreError> {
    Ok(store.select(&Query { limit: 1, ..query.clone() }).await?.is_empty())
}

async fn reason(store: &Store, query: &Query) -> Result<String, StoreError> {
    let mut missing = Vec::new();
    for list in &query.all_of {
        if is_empty(store, &Query { all_of: vec![list.clone()], ..Query::default() }).await? {
            for term in list {
                let (kind, name) = term.split_once(':').unwrap_or(("term", term));
                let there = store.terms(kind).await?;
                let hint =
                    nearest(name, there.iter().map(String::as_str)).map(|near| format!(", but there is `{near}`"));
                missing.push(format!("no article has the {kind} `{name}`{}", hint.unwrap_or_default()));
            }
        }
    }
    if let Some(search) = &query.search
        && is_empty(store, &Query { search: Some(search.clone()), ..Query::default() }).await?
    {
        missing.push(format!("no article has the words `{search}`"));
    }
    Ok(if missing.is_empty() { "no article meets all its conditions".to_owned() } else { missing.join("; ") })
}
