//! The text of a page of a daily edition, read into articles: a pure function.
//!
//! A page is text as it was taken from print. Its words stay as they are, lost spaces included: what changes is
//! only where lines end. Blank lines and permalinks cut sentences in two, so it is the sentence that tells where a
//! paragraph ends, and not the gap.
//!
//! A new article needs a headline, and a headline is told by its place: lines behind a gap that do not end a
//! sentence, before a dateline or a text that begins one. See `headings` for how sure one has to be. Whatever
//! can't be told apart stays text of the article that it stands in.

use std::mem;

use chrono::{Datelike, NaiveDate};

mod dates;
mod headings;
mod lines;
#[cfg(test)]
mod tests;

use dates::{date_alone, dateline};
use headings::{Heading, Sure, headings, is_byline, is_section, is_title};
use lines::Piece;

/// The largest page that is worth reading: a long day's whole edition is a tenth of it.
pub const MAX_PAGE_BYTES: usize = 4 * 1024 * 1024;

/// What a page says about itself, and the articles on it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The paper's name, as printed at the top.
    pub masthead: Option<String>,
    /// The edition's date.
    pub date: Option<NaiveDate>,
    /// The articles in the order of the page.
    pub articles: Vec<Printed>,
    /// Text before the first headline, which belongs to no article here: a motto, or the end of an article whose
    /// beginning is on another page.
    pub loose: Vec<String>,
}

/// An article as it was printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Printed {
    /// The section that it stands in, as printed: in capitals.
    pub section: Option<String>,
    /// The headline, on one line.
    pub headline: String,
    /// The dateline's date, not the edition's.
    pub date: Option<NaiveDate>,
    /// The dateline's place, as printed.
    pub place: Option<String>,
    /// Its address on the web, if the page gives one.
    pub permalink: Option<String>,
    /// The text without its dateline; one line each.
    pub paragraphs: Vec<String>,
}

/// The articles of a page's text, or of several pages' with a form feed between them.
pub fn read_page(text: &str) -> Page {
    let text = lines::plain(text);
    let mut page = Page::default();
    let mut pieces = Vec::new();
    for sheet in text.split('\u{c}') {
        let mut lines = lines::lines_without_furniture(sheet);
        take_top(&mut lines, &mut page);
        pieces.append(&mut lines::pieces(&lines));
    }
    let year = page.date.map(|date| date.year());
    let headings = headings(&pieces, year);
    let mut reader = Reader { page, year, section: None, permalink: None, before_article: true };
    let mut headings = headings.iter().peekable();
    for piece in pieces {
        match piece {
            Piece::Permalink(permalink) => reader.read_permalink(permalink, headings.peek().copied()),
            Piece::Block(block) => {
                let heading = headings.next().unwrap_or(&Heading::Text);
                reader.read_block(block, heading, headings.peek().copied());
            }
        }
    }
    reader.page
}

/// Takes the masthead and the date from the top of a sheet; the first sheet's are kept, and later ones repeat them.
fn take_top(lines: &mut [&str], page: &mut Page) {
    let top: Vec<usize> = (0..lines.len()).filter(|at| !lines[*at].is_empty()).take(3).collect();
    let dated = top.iter().find_map(|at| Some((*at, date_alone(lines[*at])?)));
    let repeats =
        |line: &str, masthead: &Option<String>| masthead.as_deref().is_some_and(|name| name.eq_ignore_ascii_case(line));
    let name = top.first().copied();
    if let Some((at, date)) = dated.filter(|(_, date)| page.date.is_none_or(|known| known == *date)) {
        // A section between the name and the date: then the date is an article's.
        let sectioned = top.iter().skip(1).any(|line| *line < at && is_section(lines[*line]));
        if sectioned {
            return;
        }
        page.date = Some(date);
        lines[at] = "";
        if let Some(name) = name.filter(|name| *name < at && page.masthead.is_none()) {
            page.masthead = Some(mem::take(&mut lines[name]).to_owned());
        }
    }
    if let Some(name) = top.iter().find(|at| repeats(lines[**at], &page.masthead)) {
        lines[*name] = "";
    }
}

/// A page half read.
struct Reader {
    page: Page,
    year: Option<i32>,
    section: Option<String>,
    /// A permalink that stands above its article.
    permalink: Option<String>,
    /// Whether what comes next can only belong to an article whose headline has not been read yet.
    before_article: bool,
}

impl Reader {
    fn read_block(&mut self, mut block: Vec<&str>, heading: &Heading, next: Option<&Heading>) {
        match heading {
            Heading::Section => {
                self.section = Some(block.concat());
                self.before_article = true;
            }
            Heading::Headline { section, lines, .. } if self.is_headline(heading) => {
                if *section {
                    self.section = Some(block.remove(0).to_owned());
                }
                let text = block.split_off(*lines);
                self.begin_article(&block);
                self.read_text(&text);
            }
            _ if self.is_masthead(&block, next) => self.page.masthead = Some(block.concat()),
            _ => self.read_text(&block),
        }
    }

    /// Whether what may be a headline is one where it stands.
    fn is_headline(&self, heading: &Heading) -> bool {
        match heading {
            Heading::Headline { sure: Sure::Dateline, .. } => true,
            Heading::Headline { sure: Sure::Alone, .. } => self.before_article || self.sentence_has_ended(),
            Heading::Headline { sure: Sure::InPlace, .. } => self.before_article,
            Heading::Section | Heading::Text => false,
        }
    }

    fn sentence_has_ended(&self) -> bool {
        let last = self.page.articles.last().and_then(|article| article.paragraphs.last());
        last.is_some_and(|paragraph| ends_sentence(paragraph))
    }

    /// The paper's name on a page without a date: one line at the very top, right above a section or a headline.
    fn is_masthead(&self, block: &[&str], next: Option<&Heading>) -> bool {
        let first = self.page.articles.is_empty() && self.page.loose.is_empty() && self.section.is_none();
        let above_all = matches!(next, Some(Heading::Section | Heading::Headline { .. }));
        let one_line = matches!(block, [line] if is_title(line));
        first && above_all && one_line && self.page.masthead.is_none() && self.permalink.is_none()
    }

    fn begin_article(&mut self, headline: &[&str]) {
        let mut article =
            Printed { section: self.section.clone(), permalink: self.permalink.take(), ..Printed::default() };
        for line in headline {
            join(&mut article.headline, line);
        }
        self.page.articles.push(article);
        self.before_article = false;
    }

    /// A permalink belongs to the article that it stands in. Right above a headline it may be that one's:
    /// the article before it may have its own already, or its words may tell.
    fn read_permalink(&mut self, permalink: String, next: Option<&Heading>) {
        let above = next.and_then(|next| match next {
            Heading::Section => Some(""),
            Heading::Headline { text, .. } if self.is_headline(next) => Some(text.as_str()),
            Heading::Headline { .. } | Heading::Text => None,
        });
        let here = self.page.articles.last_mut().filter(|article| !self.before_article && article.permalink.is_none());
        let here = here.filter(|article| {
            above.is_none_or(|above| words_in(&permalink, above) <= words_in(&permalink, &article.headline))
        });
        match here {
            Some(article) => article.permalink = Some(permalink),
            None if above.is_some() && self.permalink.is_none() => self.permalink = Some(permalink),
            None => self.read_text(&[permalink.as_str()]),
        }
    }

    fn read_text(&mut self, lines: &[&str]) {
        let Some(article) = self.page.articles.last_mut() else {
            add_text(&mut self.page.loose, lines);
            return;
        };
        // A dateline may stand below the byline.
        if let [byline, below, ..] = lines
            && is_byline(byline)
            && dateline(below, self.year).is_some()
        {
            self.read_text(&lines[..1]);
            self.read_text(&lines[1..]);
            return;
        }
        let opens = match &article.paragraphs[..] {
            [] => true,
            [first] => is_byline(first),
            _ => false,
        };
        let opening = lines.first().filter(|_| opens);
        let Some(dateline) = opening.and_then(|line| dateline(line, self.year)) else {
            add_text(&mut article.paragraphs, lines);
            return;
        };
        article.date = dateline.date.or(article.date);
        article.place = dateline.place.map(str::to_owned).or(article.place.take());
        let mut text = lines.to_vec();
        text[0] = dateline.text;
        if dateline.text.is_empty() {
            text.remove(0);
        }
        add_text(&mut article.paragraphs, &text);
    }
}

/// Adds a block's lines to the paragraph before it where that goes on, and else as a paragraph of their own.
fn add_text(paragraphs: &mut Vec<String>, block: &[&str]) {
    for (at, line) in block.iter().enumerate() {
        let goes_on = |paragraph: &&mut String| {
            let same_sentence = !ends_sentence(paragraph) || begins_in_lower_case(line);
            !is_byline(paragraph) && (at > 0 || same_sentence)
        };
        match paragraphs.last_mut().filter(goes_on) {
            Some(paragraph) => join(paragraph, line),
            None => paragraphs.push((*line).to_owned()),
        }
    }
}

/// Puts a line behind a text. A hyphen may be the word's own and stays; a soft one only marks where it was broken.
fn join(text: &mut String, line: &str) {
    if text.ends_with('\u{ad}') {
        text.pop();
    } else if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(line);
}

/// Whether a text ends where a sentence does; a colon ends what stands above a quotation or a list.
fn ends_sentence(text: &str) -> bool {
    // No sentence ends in more brackets than these; looking further would make a page of brackets slow.
    let mut end = text.chars().rev().take(8).skip_while(|c| "\"'”’»›)]".contains(*c));
    end.next().is_some_and(|c| ".!?…:۔؟।。！？".contains(c))
}

fn begins_in_lower_case(line: &str) -> bool {
    line.chars().find(|c| c.is_alphanumeric()).is_some_and(char::is_lowercase)
}

/// How many of a headline's words a permalink has.
fn words_in(permalink: &str, headline: &str) -> usize {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 2);
        words.map(str::to_lowercase).collect()
    };
    let slug = words(permalink);
    words(headline).iter().filter(|word| slug.contains(word)).count()
}
