//! Which blocks of a page are sections and headlines, as far as the blocks around them tell.

use super::dates::dateline;
use super::lines::Piece;
use super::{begins_in_lower_case, join};

/// Longer than any line of a headline, in characters.
const LONGEST_TITLE: usize = 150;
/// Longer than any section's name, in characters.
const LONGEST_SECTION: usize = 60;
/// Fewer words than this, and a line may as well be a crosshead.
const FEWEST_WORDS: usize = 3;
/// A sentence that a gap has cut may end in these; a headline hardly ever.
const UNFINISHED: [&str; 16] =
    ["a", "an", "and", "as", "at", "between", "by", "for", "from", "in", "of", "or", "that", "the", "to", "with"];

/// What a block of a page may be.
pub(super) enum Heading {
    /// A line in capitals above a headline.
    Section,
    /// A block that begins with a headline.
    Headline {
        /// Whether its first line is the section's name.
        section: bool,
        /// How many lines the headline has.
        lines: usize,
        /// The headline.
        text: String,
        /// How sure this is.
        sure: Sure,
    },
    /// Anything else.
    Text,
}

/// How sure a headline is, surest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sure {
    /// A dateline or a byline follows.
    Dateline,
    /// It looks like one by itself: set shorter than the text around it, with some words, and finished. That makes
    /// it one wherever the sentence before it has ended.
    Alone,
    /// A full line before a gap, like many that are cut out of a sentence: one only where a headline has to come.
    InPlace,
}

/// What each block may be; read from the last to the first, as a headline is told by what follows it.
pub(super) fn headings(pieces: &[Piece<'_>], year: Option<i32>) -> Vec<Heading> {
    let blocks = pieces.iter().filter_map(|piece| match piece {
        Piece::Block(lines) => Some(lines.as_slice()),
        Piece::Permalink(_) => None,
    });
    let blocks: Vec<&[&str]> = blocks.collect();
    let mut headings: Vec<Heading> = Vec::with_capacity(blocks.len());
    for at in (0..blocks.len()).rev() {
        let place = Place {
            above: at.checked_sub(1).map_or(&[], |above| blocks[above]),
            below: blocks.get(at + 1).copied().unwrap_or_default(),
            heading_below: headings.last().unwrap_or(&Heading::Text),
            year,
        };
        let heading = place.heading_of(blocks[at]);
        headings.push(heading);
    }
    headings.reverse();
    headings
}

/// Where a block stands.
struct Place<'a> {
    above: &'a [&'a str],
    below: &'a [&'a str],
    heading_below: &'a Heading,
    year: Option<i32>,
}

impl Place<'_> {
    fn heading_of(&self, block: &[&str]) -> Heading {
        if let [line] = block
            && is_section(line)
            && matches!(self.heading_below, Heading::Headline { section: false, .. })
        {
            return Heading::Section;
        }
        let headline = |section: bool, block: &[&str]| {
            let (lines, sure) = self.headline_at_start_of(block)?;
            let mut text = String::new();
            block[..lines].iter().for_each(|line| join(&mut text, line));
            Some(Heading::Headline { section, lines, text, sure })
        };
        let below_section = match block {
            [section, line, ..] if is_section(section) && !is_section(line) => headline(true, &block[1..]),
            _ => None,
        };
        below_section.or_else(|| headline(false, block)).unwrap_or(Heading::Text)
    }

    /// How many lines at the start of a block are a headline, one or two, and how sure that is.
    fn headline_at_start_of(&self, block: &[&str]) -> Option<(usize, Sure)> {
        let first = block.first()?;
        let opening = dateline(first, self.year);
        let dated = opening.as_ref().is_some_and(|dateline| dateline.date.is_some());
        if dated || begins_in_lower_case(first) {
            return None;
        }
        let titles = block.iter().take(2).take_while(|line| is_title(line)).count();
        let above_dateline = (1..=titles).find(|lines| block.get(*lines).is_some_and(|line| self.opens_article(line)));
        if let Some(lines) = above_dateline {
            return Some((lines, Sure::Dateline));
        }
        let ends_here = titles == block.len();
        if ends_here && self.text_is_below() && self.below.first().is_some_and(|line| self.opens_article(line)) {
            return Some((titles, Sure::Dateline));
        }
        // `LAHORE: Rain fell` may be a headline above a dateline, but is one itself above anything else.
        if opening.is_some() {
            return None;
        }
        if !ends_here {
            return headline_on_top_of_text(block, titles);
        }
        let text_begins = self.below.first().is_some_and(|line| !begins_in_lower_case(line));
        if !(text_begins && self.text_is_below() && is_finished(block)) {
            return None;
        }
        let width = widest(self.above).max(widest(self.below));
        let alone = has_words(block) && is_short_of(width, block);
        Some((titles, if alone { Sure::Alone } else { Sure::InPlace }))
    }

    fn text_is_below(&self) -> bool {
        match self.heading_below {
            Heading::Text => true,
            Heading::Headline { sure, .. } => *sure == Sure::InPlace,
            Heading::Section => false,
        }
    }

    fn opens_article(&self, line: &str) -> bool {
        is_byline(line) || dateline(line, self.year).is_some()
    }
}

/// A headline without a gap below it and without a dateline: it was ended long before the width that the text has.
fn headline_on_top_of_text(block: &[&str], titles: usize) -> Option<(usize, Sure)> {
    let width = widest(block);
    let is_headline = |lines: &usize| {
        let (headline, text) = block.split_at(*lines);
        let text_begins = text.first().is_some_and(|line| !begins_in_lower_case(line) && !is_short_of(width, &[*line]));
        text_begins && has_words(headline) && is_finished(headline) && is_short_of(width, headline)
    };
    (1..=titles).find(is_headline).map(|lines| (lines, Sure::Alone))
}

/// Whether a line may be part of a headline: not long, and not the end of a sentence or of a clause.
pub(super) fn is_title(line: &str) -> bool {
    let end = line.trim_end_matches(['"', '\'', '”', '’', '»', ')']);
    let goes_on_or_stops = end.ends_with(['.', '۔', '।', '。', ',', ';', ':', '،', '؛', '-', '–', '—', '\u{ad}']);
    line.chars().nth(LONGEST_TITLE).is_none()
        && line.chars().any(char::is_alphabetic)
        && !goes_on_or_stops
        && !is_byline(line)
}

/// Whether a line has the look of a section's name: a few words in capitals.
pub(super) fn is_section(line: &str) -> bool {
    let in_capitals = |c: char| c.is_uppercase() || c.is_ascii_digit() || " &’'-/.".contains(c);
    line.chars().nth(LONGEST_SECTION).is_none()
        && line.chars().all(in_capitals)
        && line.chars().filter(|c| c.is_uppercase()).count() >= 2
        && !line.ends_with('.')
}

/// Whether a line is a byline: `By Staff Reporter`.
pub(super) fn is_byline(line: &str) -> bool {
    const SMALL: [&str; 5] = ["and", "our", "staff", "correspondent", "reporter"];
    let Some(name) = line.strip_prefix("By ").or_else(|| line.strip_prefix("BY ")) else {
        return false;
    };
    let mut words = name.split_whitespace();
    let names = words.by_ref().take(5).all(|word| word.starts_with(char::is_uppercase) || SMALL.contains(&word));
    names && words.next().is_none() && !name.ends_with(['.', ','])
}

fn is_finished(headline: &[&str]) -> bool {
    let last = headline.last().and_then(|line| line.split_whitespace().next_back());
    last.is_some_and(|word| !UNFINISHED.contains(&word))
}

fn has_words(headline: &[&str]) -> bool {
    headline.iter().flat_map(|line| line.split_whitespace()).count() >= FEWEST_WORDS
}

/// Whether lines end so long before the width of a column that the next word would have had room.
fn is_short_of(width: usize, lines: &[&str]) -> bool {
    widest(lines) * 5 <= width * 4
}

fn widest(lines: &[&str]) -> usize {
    lines.iter().map(|line| line.chars().count()).max().unwrap_or_default()
}
