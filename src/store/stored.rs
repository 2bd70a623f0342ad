//! An article's row: what only the store knows of an article, and the columns that all is in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::db::{Arg, args};
use super::{StoreError, instant, millis};
use crate::article::{Article, ArticleId, Image, LONGEST_NAME};

/// The first of a run of numbers that nobody has: the time above, chance below.
pub(super) fn new_nums(now: DateTime<Utc>) -> i64 {
    let mut chance = [0u8; 4];
    // Without chance, two processes in one millisecond would clash, and one of them would always have to try again.
    let _ = getrandom::fill(&mut chance);
    (millis(now) << 20) | i64::from(u32::from_le_bytes(chance) & 0xf_ffff)
}

/// What two addresses have in common when they lead to one article: no scheme, `www.`, query of a campaign, fragment, final slash.
pub(super) fn link_key(link: &str) -> Option<String> {
    let url = url::Url::parse(link).ok()?;
    let host = url.host_str()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query: Vec<String> = url
        .query_pairs()
        .filter(|(name, _)| !name.starts_with("utm_") && name != "fbclid")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    let key = format!("{}{port}{}{query}", host.trim_start_matches("www."), url.path().trim_end_matches('/'));
    // What is longer is no address that two sources would agree on.
    Some(key).filter(|key| key.len() <= LONGEST_NAME)
}

/// The lists of an article, in one column.
#[derive(Serialize, Deserialize)]
struct Lists {
    authors: Vec<String>,
    sections: Vec<String>,
    tags: Vec<String>,
    sources: Vec<String>,
    image: Option<Image>,
}

/// The columns of an article, for [`Columns`].
pub(super) const COLUMNS: &str = "num, id, released_at, withdrawn_at, published, updated, first_seen, source, precedence, link, language, title, summary, lists, html";

#[derive(sqlx::FromRow)]
pub(super) struct Columns {
    pub(super) num: i64,
    id: String,
    released_at: Option<i64>,
    withdrawn_at: Option<i64>,
    published: i64,
    updated: i64,
    first_seen: i64,
    source: String,
    precedence: i64,
    link: Option<String>,
    language: String,
    title: String,
    summary: String,
    lists: String,
    html: String,
}

/// An article with what only the store knows of it.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) num: i64,
    pub(super) released_at: Option<i64>,
    pub(super) withdrawn_at: Option<i64>,
    pub(super) first_seen: i64,
    pub(super) source: String,
    pub(super) precedence: i64,
    pub(super) article: Article,
}

impl TryFrom<Columns> for Stored {
    type Error = StoreError;

    fn try_from(row: Columns) -> Result<Self, StoreError> {
        let Lists { authors, sections, tags, sources, image } = serde_json::from_str(&row.lists)?;
        Ok(Stored {
            num: row.num,
            released_at: row.released_at,
            withdrawn_at: row.withdrawn_at,
            first_seen: row.first_seen,
            source: row.source,
            precedence: row.precedence,
            article: Article {
                id: ArticleId(row.id),
                link: row.link,
                title: row.title,
                summary: row.summary,
                html: row.html,
                authors,
                sections,
                tags,
                image,
                language: row.language,
                sources,
                published: instant(row.published),
                updated: instant(row.updated),
            },
        })
    }
}

impl Stored {
    /// The article as readers see it, if they see it.
    pub(super) fn shown(&self) -> Option<&Article> {
        (self.released_at.is_some() && self.withdrawn_at.is_none()).then_some(&self.article)
    }

    pub(super) fn row(&self) -> Result<Vec<Arg>, StoreError> {
        let article = &self.article;
        let lists = serde_json::to_string(&Lists {
            authors: article.authors.clone(),
            sections: article.sections.clone(),
            tags: article.tags.clone(),
            sources: article.sources.clone(),
            image: article.image.clone(),
        })?;
        Ok(args![
            self.num,
            article.id.0.as_str(),
            self.released_at,
            self.withdrawn_at,
            millis(article.published),
            millis(article.updated),
            self.first_seen,
            self.source.as_str(),
            self.precedence,
            article.link.as_deref().and_then(link_key),
            article.link.clone(),
            article.language.as_str(),
            article.title.as_str(),
            article.summary.as_str(),
            lists,
            article.html.as_str(),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::link_key;

    #[test]
    fn one_article_has_one_link_key() {
        let key = link_key("https://rahbarkisan.com/wp/putin/");
        assert_eq!(key.as_deref(), Some("rahbarkisan.com/wp/putin"));
        for same in ["http://www.rahbarkisan.com/wp/putin", "https://rahbarkisan.com/wp/putin/?utm_source=x#more"] {
            assert_eq!(link_key(same), key, "{same}");
        }
        assert_ne!(link_key("https://rahbarkisan.com/wp/?p=7"), link_key("https://rahbarkisan.com/wp/?p=8"));
    }
}
