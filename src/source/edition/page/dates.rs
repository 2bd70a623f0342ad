//! Dates as a printed page writes them: the edition's own line, and the dateline that opens an article.

use chrono::NaiveDate;

/// Longer than any place that a dateline names.
const LONGEST_PLACE: usize = 60;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// What opens an article's text: where and when it was written.
pub(super) struct Dateline<'a> {
    pub place: Option<&'a str>,
    pub date: Option<NaiveDate>,
    /// The text behind it.
    pub text: &'a str,
}

/// The date that a line consists of, as an edition's page carries it at its top.
pub(super) fn date_alone(line: &str) -> Option<NaiveDate> {
    let written = written_date(line)?;
    written.text.is_empty().then_some(written.date(None)?)
}

/// The dateline that a line begins with; a date without a year is one of `year`, the edition's.
pub(super) fn dateline(line: &str, year: Option<i32>) -> Option<Dateline<'_>> {
    dated(line, year).or_else(|| placed_and_dated(line, year)).or_else(|| placed(line))
}

/// `September 3, 2025 — Text`. Without any year to go by it is not a dateline but text, so that nothing is lost.
fn dated(line: &str, year: Option<i32>) -> Option<Dateline<'_>> {
    let written = written_date(line)?;
    let date = Some(written.date(year)?);
    let text = written.text_behind_dash()?;
    Some(Dateline { place: None, date, text })
}

/// `KARACHI, September 3, 2025 — Text`; the place may have a comma of its own.
fn placed_and_dated(line: &str, year: Option<i32>) -> Option<Dateline<'_>> {
    let commas = line.char_indices().take(LONGEST_PLACE).filter(|(_, c)| *c == ',');
    commas.take(3).find_map(|(at, _)| {
        let place = line[..at].trim_end();
        let written = written_date(&line[at + 1..])?;
        let text = written.text_behind_dash().filter(|_| is_place(place))?;
        let date = match written.year.or(year) {
            Some(_) => Some(written.date(year)?),
            None => None,
        };
        Some(Dateline { place: Some(place), date, text })
    })
}

/// `LAHORE: Text`. Only in capitals: `Note: …` is text.
fn placed(line: &str) -> Option<Dateline<'_>> {
    let (at, _) = line.char_indices().take(LONGEST_PLACE).find(|(_, c)| *c == ':')?;
    let (place, text) = (line[..at].trim_end(), &line[at + 1..]);
    let capitals = place.chars().filter(|c| c.is_uppercase()).count();
    let in_capitals = capitals >= 3 && !place.contains(char::is_lowercase);
    let stands_off = text.is_empty() || text.starts_with(' ');
    (is_place(place) && in_capitals && stands_off).then(|| Dateline {
        place: Some(place),
        date: None,
        text: text.trim_start(),
    })
}

fn is_place(text: &str) -> bool {
    let letters = |c: char| c.is_alphabetic() || " .,'’-".contains(c);
    text.starts_with(char::is_uppercase) && text.chars().all(letters) && text.split(' ').count() <= 5
}

/// A date at the start of a text, its year perhaps left out.
struct Written<'a> {
    year: Option<i32>,
    month: u32,
    day: u32,
    /// What follows it, trimmed.
    text: &'a str,
}

impl<'a> Written<'a> {
    fn date(&self, year: Option<i32>) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(self.year.or(year)?, self.month, self.day)
    }

    /// The text behind the dash that ends a dateline; a line's end does as well when the date is complete.
    fn text_behind_dash(&self) -> Option<&'a str> {
        if self.text.is_empty() && self.year.is_some() {
            return Some("");
        }
        let text = ["--", "—", "–", "―", "-"].iter().find_map(|dash| self.text.strip_prefix(dash))?;
        let text = text.trim_start();
        // "May 3 - 5" is a span of days.
        (!text.starts_with(|c: char| c.is_ascii_digit())).then_some(text)
    }
}

/// The date at the start of a text, behind its weekday if it has one.
fn written_date(text: &str) -> Option<Written<'_>> {
    let text = text.trim();
    let (name, behind) = leading(text, char::is_alphabetic);
    let text = if named(name, &WEEKDAYS).is_some() { behind_comma(behind) } else { text };
    iso_date(text).or_else(|| worded_date(text))
}

/// `2026-04-25`
fn iso_date(text: &str) -> Option<Written<'_>> {
    let (year, text) = digits(text, 4)?;
    let (month, text) = digits(text.strip_prefix('-')?, 2)?;
    let (day, text) = digits(text.strip_prefix('-')?, 2)?;
    let year = Some(i32::try_from(year).ok()?);
    Some(Written { year, month, day, text: text.trim_start() })
}

/// `April 25th, 2026` or `25 April 2026`
fn worded_date(text: &str) -> Option<Written<'_>> {
    let (month, day, text) = match month(text) {
        Some((month, text)) => {
            let (day, text) = day(text)?;
            (month, day, text)
        }
        None => {
            let (day, text) = day(text)?;
            let (month, text) = month(behind_comma(text))?;
            (month, day, text)
        }
    };
    let year = digits(behind_comma(text), 4).and_then(|(year, text)| Some((i32::try_from(year).ok()?, text)));
    let (year, text) = year.map_or((None, text), |(year, text)| (Some(year), text));
    Some(Written { year, month, day, text: text.trim_start() })
}

fn month(text: &str) -> Option<(u32, &str)> {
    let (name, text) = leading(text, char::is_alphabetic);
    let month = u32::try_from(named(name, &MONTHS)? + 1).ok()?;
    Some((month, text.strip_prefix('.').unwrap_or(text).trim_start()))
}

fn day(text: &str) -> Option<(u32, &str)> {
    let (day, text) = digits(text, 2).or_else(|| digits(text, 1))?;
    let (ordinal, behind) = leading(text, char::is_alphabetic);
    let is_ordinal = ["st", "nd", "rd", "th"].iter().any(|end| ordinal.eq_ignore_ascii_case(end));
    Some((day, if is_ordinal { behind } else { text }))
}

/// Exactly `count` digits as a number, and the text behind them.
fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let (digits, text) = leading(text, |c| c.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| digits.len() == count)?;
    Some((number, text))
}

fn leading(text: &str, of: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !of(c)).unwrap_or(text.len()))
}

fn behind_comma(text: &str) -> &str {
    let text = text.trim_start();
    text.strip_prefix(',').unwrap_or(text).trim_start()
}

/// Where `name`, or an abbreviation of three letters or more, stands among `names`.
fn named(name: &str, names: &[&str]) -> Option<usize> {
    let matches = |full: &&str| {
        let start = full.get(..name.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(name))
    };
    names.iter().position(|full| name.len() >= 3 && matches(full))
}
