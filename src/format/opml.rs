//! OPML 2.0: the list of all feeds, for readers that take many at once.

use super::escaped;
use crate::feed::{FeedInfo, Site};

/// The document at `/feeds.opml`.
pub fn document(site: &Site, feeds: &[FeedInfo]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<opml version=\"2.0\">\n<head>");
    out.push_str(&format!("<title>{}</title>", escaped(&site.title)));
    if let Some(contact) = &site.contact {
        out.push_str(&format!("<ownerEmail>{}</ownerEmail>", escaped(contact)));
    }
    out.push_str("</head>\n<body>\n");
    let value = |text: &str| escaped(text).replace('"', "&quot;");
    for feed in feeds {
        out.push_str(&format!(
            "<outline type=\"rss\" text=\"{title}\" title=\"{title}\" description=\"{description}\" language=\"{language}\" version=\"RSS2\" xmlUrl=\"{topic}\" htmlUrl=\"{page}\"/>\n",
            title = value(&feed.title),
            description = value(&feed.description),
            language = value(&feed.language),
            topic = value(&site.topic(&feed.name, "rss")),
            page = value(&format!("{}/feeds/{}", site.public_url, feed.name)),
        ));
    }
    out.push_str("</body>\n</opml>\n");
    out
}
