//! Selecting the articles of a feed: an index walk from the newest, whatever a feed selects by.

use std::cell::OnceCell;
use std::collections::HashSet;

use super::db::{Arg, Tx, args};
use super::stored::{COLUMNS, Columns, Stored};
use super::{Store, StoreError};
use crate::article::{Article, term, words::words};

/// Rows that are counted to find out what to walk: past this, a list is long.
const LONG: i64 = 2000;

/// What a feed selects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// An article has a term of each of these lists.
    pub all_of: Vec<Vec<String>>,
    /// An article has none of these terms.
    pub none_of: Vec<String>,
    /// An article has all these words.
    pub search: Option<String>,
    /// An article does not have all these words.
    pub not_search: Option<String>,
    /// Which articles come first.
    pub order: Order,
    /// How many articles, at most.
    pub limit: u32,
}

/// Which articles come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The last published.
    #[default]
    Published,
    /// The last changed.
    Updated,
}

/// What queries look at in an article, found out once for all of them.
pub struct Traits<'a> {
    article: &'a Article,
    terms: Vec<String>,
    words: OnceCell<HashSet<String>>,
}

impl<'a> Traits<'a> {
    /// The traits of an article.
    pub fn of(article: &'a Article) -> Self {
        Self { article, terms: article.terms(), words: OnceCell::new() }
    }

    fn has_one(&self, terms: &[String]) -> bool {
        terms.iter().any(|term| self.terms.binary_search(term).is_ok())
    }

    fn has_words(&self, search: &str) -> bool {
        let own = self.words.get_or_init(|| self.article.words().split(' ').map(str::to_owned).collect());
        words(search).split(' ').all(|word| own.contains(word))
    }
}

impl Query {
    /// Whether the query selects an article that readers may see: the same rule as [`Store::select`], for one article.
    pub fn selects(&self, traits: &Traits<'_>) -> bool {
        self.all_of.iter().all(|list| traits.has_one(list))
            && !traits.has_one(&self.none_of)
            && self.search.as_deref().is_none_or(|search| traits.has_words(search))
            && !self.not_search.as_deref().is_some_and(|search| traits.has_words(search))
    }
}

impl Store {
    /// The articles that a query selects, in its order.
    pub async fn select(&self, query: &Query) -> Result<Vec<Article>, StoreError> {
        let mut tx = self.db.read().await?;
        let start = start(&mut tx, query).await?;
        let (sql, args) = statement(&tx, query, start);
        let rows: Vec<Columns> = tx.all(sql, args).await?;
        rows.into_iter().map(|row| Ok(Stored::try_from(row)?.article)).collect()
    }

    /// What the articles that readers may see have of one kind of term: of `section`, the names of all sections, in lower case.
    pub async fn terms(&self, kind: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT DISTINCT t.term FROM terms t JOIN shown s ON s.num = t.article WHERE t.term LIKE $1 ORDER BY t.term";
        let rows: Vec<(String,)> = self.db.read().await?.all(sql, args![format!("{kind}:%")]).await?;
        Ok(rows.into_iter().filter_map(|(term,)| Some(term.split_once(':')?.1.to_owned())).collect())
    }
}

/// Where the walk starts: the other conditions are checked on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// All articles.
    All,
    /// One of the lists of terms.
    Terms(usize),
    /// The articles with the words.
    Search,
}

/// The shortest list is the one to walk. With a single list there is nothing to choose.
async fn start(tx: &mut Tx, query: &Query) -> Result<Start, StoreError> {
    let mut shortest = (i64::MAX, Start::All);
    if query.all_of.len() + usize::from(query.search.is_some()) > 1 || query.search.is_some() {
        if let Some(search) = &query.search {
            let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {} AS found LIMIT {LONG}) AS counted", tx.found(1));
            let search = tx.search(&words(search));
            let (count,): (i64,) = tx.first(sql, args![search]).await?.unwrap_or_default();
            // A long list of finds is in no order that helps.
            if count < LONG {
                shortest = (count, Start::Search);
            }
        }
        for (at, list) in query.all_of.iter().enumerate() {
            let sql =
                format!("SELECT count(*) FROM (SELECT 1 FROM terms WHERE term IN ({{}}) LIMIT {LONG}) AS counted");
            let counts: Vec<(i64,)> =
                tx.all_in(&sql, Vec::new(), list.iter().map(|term| term.as_str().into()).collect()).await?;
            let count = counts.iter().map(|(count,)| count).sum();
            if count < shortest.0 {
                shortest = (count, Start::Terms(at));
            }
        }
    } else if query.all_of.len() == 1 {
        shortest.1 = Start::Terms(0);
    }
    Ok(shortest.1)
}

/// The statement that walks. Each term of the starting list is walked by itself, newest first, with every condition checked
/// on the way, and stops after `limit` finds; what they found is merged.
fn statement(tx: &Tx, query: &Query, start: Start) -> (String, Vec<Arg>) {
    let mut args = Args::default();
    let at = match query.order {
        Order::Published => "published",
        Order::Updated => "updated",
    };
    let limit = args.push(i64::from(query.limit));
    let mut conditions = String::new();
    for (number, list) in query.all_of.iter().enumerate() {
        if start != Start::Terms(number) {
            conditions.push_str(&format!(" AND {}", has_term(&mut args, list)));
        }
    }
    if !query.none_of.is_empty() {
        conditions.push_str(&format!(" AND NOT {}", has_term(&mut args, &query.none_of)));
    }
    if let Some(search) = query.search.as_ref().filter(|_| start != Start::Search) {
        let search = args.push(tx.search(&words(search)));
        conditions.push_str(&format!(" AND {}", tx.has_words("s.num", search)));
    }
    if let Some(search) = &query.not_search {
        let search = args.push(tx.search(&words(search)));
        conditions.push_str(&format!(" AND NOT {}", tx.has_words("s.num", search)));
    }
    let order = format!("ORDER BY {at} DESC, article DESC LIMIT ${limit}");
    let walks: Vec<String> = match (start, query.search.as_ref()) {
        (Start::Search, Some(search)) => {
            let search = args.push(tx.search(&words(search)));
            let found = tx.found(search);
            vec![format!(
                "SELECT s.num AS article, s.{at} AS at FROM {found} AS f JOIN shown s ON s.num = f.article WHERE 1 = 1{conditions}"
            )]
        }
        _ => {
            let all = [term::ALL.to_owned()];
            let list = match start {
                Start::Terms(number) => query.all_of[number].as_slice(),
                _ => &all,
            };
            let walk = |term: &String| {
                let term = args.push(term.as_str());
                format!(
                    "SELECT * FROM (SELECT t.article AS article, t.{at} AS at FROM terms t JOIN shown s ON s.num = t.article \
                     WHERE t.term = ${term}{conditions} ORDER BY t.{at} DESC, t.article DESC LIMIT ${limit}) AS walk"
                )
            };
            list.iter().map(walk).collect()
        }
    };
    let order = order.replace(&format!("ORDER BY {at}"), "ORDER BY at");
    let found = format!("SELECT article, at FROM ({}) AS walks {order}", walks.join(" UNION "));
    let columns = COLUMNS.split(", ").map(|column| format!("a.{column}")).collect::<Vec<_>>().join(", ");
    (
        format!(
            "SELECT {columns} FROM ({found}) AS found JOIN articles a ON a.num = found.article ORDER BY found.at DESC, a.num DESC"
        ),
        args.0,
    )
}

/// Whether the article of a walk has one of these terms. With its date, which is part of the key, that is one look-up a term.
fn has_term(args: &mut Args, list: &[String]) -> String {
    let terms = list.iter().map(|term| format!("${}", args.push(term.as_str()))).collect::<Vec<_>>().join(",");
    format!(
        "EXISTS (SELECT 1 FROM terms h WHERE h.term IN ({terms}) AND h.published = s.published AND h.article = s.num)"
    )
}

#[derive(Default)]
struct Args(Vec<Arg>);

impl Args {
    fn push(&mut self, arg: impl Into<Arg>) -> usize {
        self.0.push(arg.into());
        self.0.len()
    }
}
