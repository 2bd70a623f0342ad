//! The lines of a page, sorted into what is text, what is a permalink and what is neither.

/// What a page consists of once its blank lines and its furniture are gone.
pub(super) enum Piece<'a> {
    /// Lines that follow each other without a gap.
    Block(Vec<&'a str>),
    /// An article's address, on a line of its own.
    Permalink(String),
}

/// A text with plain spaces and plain line ends.
pub(super) fn plain(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let plain = text.chars().filter_map(|c| match c {
        '\u{feff}' => None,
        '\r' | '\u{b}' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some('\n'),
        '\t' | '\u{a0}' | '\u{202f}' => Some(' '),
        other => Some(other),
    });
    plain.collect()
}

/// A page's lines, trimmed, with blank ones in the place of its furniture.
pub(super) fn lines_without_furniture(page: &str) -> Vec<&str> {
    let lines: Vec<&str> = page.split('\n').map(str::trim).collect();
    let is_blank = |at: Option<usize>| at.and_then(|at| lines.get(at)).is_none_or(|line| line.is_empty());
    let kept = lines.iter().enumerate().map(|(at, line)| {
        let (above, below) = (is_blank(at.checked_sub(1)), is_blank(Some(at + 1)));
        // In the midst of a text the same words are text: "see / Page 3 / of the report".
        let furniture = match () {
            () if above && below => is_page_number(line) || is_named_page(line) || is_home_page(line),
            () if above || below => is_named_page(line) || is_home_page(line),
            () => false,
        };
        if furniture { "" } else { line }
    });
    kept.collect()
}

/// `3` or `- 3 -`
fn is_page_number(line: &str) -> bool {
    let number = line.trim_matches(['-', '–', '—', '|', ' ']);
    (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// `Page 3` or `Page 3 of 12`
fn is_named_page(line: &str) -> bool {
    let mut words = line.trim_matches(['-', '–', '—', '|', ' ']).split_whitespace();
    let named = words.next().is_some_and(|word| word.eq_ignore_ascii_case("page"));
    let numbered = named && words.next().is_some_and(is_page_number);
    match (words.next(), words.next(), words.next()) {
        (None, ..) => numbered,
        (Some(of), Some(total), None) => numbered && of.eq_ignore_ascii_case("of") && is_page_number(total),
        _ => false,
    }
}

/// A site's address without any path.
fn is_home_page(line: &str) -> bool {
    let host = address_behind_scheme(line).or_else(|| {
        let www = line.get(..4)?;
        www.eq_ignore_ascii_case("www.").then_some(line)
    });
    host.is_some_and(|host| {
        let host = host.strip_suffix('/').unwrap_or(host);
        host.contains('.') && host.chars().all(|c| c.is_alphanumeric() || ".-:".contains(c))
    })
}

/// The blocks and permalinks of a page's lines.
pub(super) fn pieces<'a>(lines: &[&'a str]) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let mut block = Vec::new();
    let mut lines = lines.iter().copied().peekable();
    while let Some(line) = lines.next() {
        let permalink = is_permalink(line).then(|| {
            let rest = lines.next_if(|next| is_rest_of_permalink(line, next)).unwrap_or_default();
            Piece::Permalink(format!("{line}{rest}"))
        });
        if permalink.is_none() && !line.is_empty() {
            block.push(line);
            continue;
        }
        if !block.is_empty() {
            pieces.push(Piece::Block(std::mem::take(&mut block)));
        }
        pieces.extend(permalink);
    }
    if !block.is_empty() {
        pieces.push(Piece::Block(block));
    }
    pieces
}

fn is_permalink(line: &str) -> bool {
    let address = address_behind_scheme(line).filter(|rest| !rest.contains(char::is_whitespace));
    let path = address.and_then(|rest| rest.find(['/', '?']).map(|at| rest.split_at(at)));
    // With a comma or a full stop it belongs to a sentence.
    path.is_some_and(|(host, path)| !host.is_empty() && path.len() > 1) && !line.ends_with(['.', ',', ';'])
}

/// Whether `next` is what did not fit on the line of a permalink: that line ends in `-` or `/`, and the next is no
/// word of a text. Behind a slash, where most permalinks are complete, it has to look like a path.
fn is_rest_of_permalink(permalink: &str, next: &str) -> bool {
    let of_an_address = |c: char| c.is_alphanumeric() || "-_/.%?=&#~+".contains(c);
    let like_a_path = permalink.ends_with('-')
        || permalink.ends_with('/') && next.contains(|c: char| c.is_ascii_digit() || "-/".contains(c));
    like_a_path
        && !next.is_empty()
        && next.chars().all(of_an_address)
        && !next.starts_with(char::is_uppercase)
        && !next.ends_with('.')
}

fn address_behind_scheme(line: &str) -> Option<&str> {
    let (scheme, rest) = line.split_once("://")?;
    let web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    web.then_some(rest)
}
