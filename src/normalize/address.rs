//! Addresses: absolute, ASCII, and only of schemes that readers may follow.

use url::Url;

/// An address on the web, as an article's link or an image's source must be.
pub(super) fn web(base: &Url, address: &str) -> Option<String> {
    let url = base.join(trimmed(address)).ok()?;
    let fine = matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
    fine.then(|| ascii(&url))
}

/// An address that a link may have.
pub(super) fn linked(base: &Url, address: &str) -> Option<String> {
    let url = base.join(trimmed(address)).ok()?;
    match url.scheme() {
        "http" | "https" => web(base, address),
        "mailto" | "tel" => Some(ascii(&url)),
        _ => None,
    }
}

/// The candidates of a `srcset`, each made absolute; those that can't be are left out.
pub(super) fn srcset(base: &Url, candidates: &str) -> Option<String> {
    let mut out: Vec<String> = Vec::new();
    // A comma parts candidates only where white space or the end follows: addresses hold commas too.
    for candidate in candidates.split(", ").flat_map(|part| part.split(",\n")) {
        let mut words = candidate.trim().trim_end_matches(',').split_whitespace();
        let Some(url) = words.next().and_then(|address| web(base, address)) else {
            continue;
        };
        out.push(match words.next() {
            Some(size) => format!("{url} {size}"),
            None => url,
        });
    }
    (!out.is_empty()).then(|| out.join(", "))
}

fn trimmed(address: &str) -> &str {
    address.trim_matches(|c: char| c.is_whitespace() || c.is_control())
}

/// The parser has made names and paths ASCII; what it leaves, and validators refuse, is escaped here.
fn ascii(url: &Url) -> String {
    let text = url.as_str();
    let host_end = url.host_str().map_or(0, |host| text.find(host).map_or(0, |at| at + host.len()));
    let (head, tail) = text.split_at(host_end);
    let mut out = String::with_capacity(text.len());
    // The bracket that ends an IPv6 host stands in the head.
    out.push_str(head);
    for (at, byte) in tail.bytes().enumerate() {
        match byte {
            // A percent sign that begins no escape means itself.
            b'%' if !tail.as_bytes()[at + 1..]
                .iter()
                .take(2)
                .filter(|next| next.is_ascii_hexdigit())
                .count()
                .eq(&2) =>
            {
                out.push_str("%25")
            }
            b'[' | b']' | b'|' | b'^' | b'`' | b'{' | b'}' | b'\\' | b'"' | b'<' | b'>' | b' ' => {
                out.push_str(&format!("%{byte:02X}"))
            }
            _ => out.push(char::from(byte)),
        }
    }
    out
}

/// A picture's MIME type, by its address.
pub(super) fn image_type(url: &str) -> Option<&'static str> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let (_, ending) = path.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => "image/jpeg",
        "png" => "image/png",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "svg" => "image/svg+xml",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Url {
        Url::parse("https://paper.example/wp/2026/rain/").expect("a test's own URL")
    }

    #[test]
    fn every_address_comes_out_absolute_and_ascii() {
        for (raw, out) in [
            ("../other/", "https://paper.example/wp/2026/other/"),
            ("//cdn.example/a b.jpg", "https://cdn.example/a%20b.jpg"),
            ("https://münchen.example/straße?q=ü|[1]", "https://xn--mnchen-3ya.example/stra%C3%9Fe?q=%C3%BC%7C%5B1%5D"),
            ("HTTP://Paper.Example:80/A", "http://paper.example/A"),
            ("/100%/%zz/%C3%A9", "https://paper.example/100%25/%25zz/%C3%A9"),
            ("#note", "https://paper.example/wp/2026/rain/#note"),
            ("http://[2001:db8::1]/x[1]", "http://[2001:db8::1]/x%5B1%5D"),
        ] {
            assert_eq!(web(&base(), raw).as_deref(), Some(out), "{raw}");
        }
    }

    #[test]
    fn addresses_that_run_or_read_something_are_none() {
        for raw in
            ["javascript:alert(1)", " java\nscript:alert(1)", "data:text/html,x", "file:///etc/passwd", "http://"]
        {
            assert_eq!(linked(&base(), raw), None, "{raw}");
        }
        assert_eq!(linked(&base(), "mailto:desk@paper.example").as_deref(), Some("mailto:desk@paper.example"));
    }

    #[test]
    fn a_srcset_keeps_its_sizes_and_the_commas_in_its_addresses() {
        assert_eq!(
            srcset(&base(), "/a,b.jpg 1x, b.jpg 2x").as_deref(),
            Some("https://paper.example/a,b.jpg 1x, https://paper.example/wp/2026/rain/b.jpg 2x")
        );
        assert_eq!(srcset(&base(), "data:image/gif;base64,xx 1x"), None);
    }
}
