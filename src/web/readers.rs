//! How many subscribers a feed has, as the services that read it for many people tell in `User-Agent`: "42 subscribers".

use std::collections::HashMap;
use std::sync::Mutex;

use chrono::NaiveDate;

/// Services, feeds and addresses that are remembered.
const MAX: usize = 10_000;

/// What a service calls itself, its own id of the feed, and the address that it asked for.
type Key = (String, String, String);

/// The latest word of each service on each feed.
#[derive(Default)]
pub(super) struct Readers(Mutex<HashMap<Key, (NaiveDate, u64)>>);

impl Readers {
    /// Takes a request's word, if it has one.
    pub(super) fn heard(&self, user_agent: &str, file: &str, today: NaiveDate) {
        // Nearly every request ends here.
        if !user_agent.contains("subscriber") && !user_agent.contains("reader") {
            return;
        }
        let Some(count) = told(user_agent) else { return };
        let Ok(mut readers) = self.0.lock() else { return };
        if readers.len() >= MAX {
            readers.retain(|_, (day, _)| *day == today);
        }
        if readers.len() < MAX {
            readers.insert((product(user_agent), feed_id(user_agent), file.to_owned()), (today, count));
        }
    }

    /// What was heard today. Never added up: the same people may stand behind two numbers.
    pub(super) fn today(&self, today: NaiveDate) -> Vec<(Key, u64)> {
        let Ok(readers) = self.0.lock() else { return Vec::new() };
        readers.iter().filter(|(_, (day, _))| *day == today).map(|(key, (_, count))| (key.clone(), *count)).collect()
    }
}

/// The number before "subscribers" or "readers".
fn told(user_agent: &str) -> Option<u64> {
    let words: Vec<&str> =
        user_agent.split(|c: char| c.is_whitespace() || "();,".contains(c)).filter(|word| !word.is_empty()).collect();
    words.windows(2).find_map(|pair| {
        let counted = ["subscriber", "subscribers", "reader", "readers"].contains(&pair[1]);
        pair[0].parse().ok().filter(|_| counted)
    })
}

fn product(user_agent: &str) -> String {
    user_agent.split(['/', ' ', '(']).next().unwrap_or_default().chars().take(64).collect()
}

fn feed_id(user_agent: &str) -> String {
    let id = user_agent
        .split(|c: char| c.is_whitespace() || "();,".contains(c))
        .find_map(|word| word.strip_prefix("feed-id="));
    id.unwrap_or_default().chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_word_of_a_day_counts() {
        let (readers, day) = (Readers::default(), NaiveDate::MIN);
        readers.heard("Feedly/1.0 (+http://www.feedly.com/fetcher.html; 12 subscribers; feed-id=7)", "all.rss", day);
        readers.heard("Feedly/1.0 (+http://www.feedly.com/fetcher.html; 14 subscribers; feed-id=7)", "all.rss", day);
        readers.heard("Bloglovin/1.0 (http://x; 1 subscriber)", "all.rss", day);
        readers.heard("NetNewsWire (RSS Reader; https://netnewswire.com/)", "all.rss", day);
        let mut heard = readers.today(day);
        heard.sort();
        let key = |product: &str, id: &str| (product.to_owned(), id.to_owned(), "all.rss".to_owned());
        assert_eq!(heard, [(key("Bloglovin", ""), 1), (key("Feedly", "7"), 14)]);
        assert!(readers.today(NaiveDate::MAX).is_empty());
    }
}
