//! When a source is due: a line as in crontab, read once and asked for its next moment.
//!
//! Everywhere, for 5, 6 and 7 fields, the numbers are crontab's: weekdays run from 0 to 7, and both 0 and 7
//! are Sunday. When the day of the month and the weekday are both restricted, a day that matches either
//! will do; a field that begins with `*` or `?` is not restricted. Both are crontab(5).
//!
//! The stepping is the crate `cron`'s. It is only ever given wall clock times that pretend to be UTC, because
//! in a real zone it skips a job in the spring gap and runs one in the repeated autumn hour twice, the
//! second time backwards. What a wall clock time means is decided here, on the rule that cron daemons follow:
//!
//! - A job with a fixed hour means that hour of the day: it runs once a day. When the clock jumps over its time it
//!   runs right after the jump; in a repeated hour it runs in the first pass.
//! - A job whose hour is `*` or `*/n`, or every hour of the day written out, is an interval: it runs whenever the
//!   clock on the wall matches, through both passes of a repeated hour, and not for an hour that does not exist.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Datelike, Duration, MappedLocalTime, NaiveDateTime, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};
use cron::TimeUnitSpec;
use serde::{Deserialize, Deserializer, de};

#[cfg(test)]
mod tests;

/// The last year that the crate `cron` knows.
const LAST_YEAR: i32 = 2100;

/// The second before the first year that the crate `cron` knows.
const BEFORE_FIRST_YEAR: DateTime<Utc> = DateTime::from_timestamp(-1, 0).expect("a second before 1970 is a time");

/// What each field is called, and what it takes besides `*`, lists, ranges and steps; in the crate's order.
const FIELDS: [(&str, &str); 7] = [
    ("second", "0 to 59"),
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31"),
    ("month", "1 to 12, or jan to dec"),
    ("weekday", "0 to 7 (0 and 7 are Sunday), or sun to sat"),
    ("year", "1970 to 2100"),
];
const HOUR: usize = 2;
const DAY: usize = 3;
const WEEKDAY: usize = 5;

/// When a source is due, as an editor wrote it; two are equal when their texts are.
#[derive(Clone, Debug)]
pub struct Schedule {
    text: String,
    /// One line, or two where crontab's "either day" makes one line out of them.
    lines: Vec<cron::Schedule>,
    /// Whether it runs by the hours that pass rather than at an hour of the day.
    interval: bool,
}

/// Why a text is not a schedule, in an editor's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadSchedule {
    /// The number of fields is not 5, 6 or 7.
    #[error(
        "a schedule has 5 fields (minute, hour, day of the month, month, weekday), \
         6 with the second in front, or 7 with the year at the end as well; this one has {0}"
    )]
    Count(usize),
    /// A field holds what it does not take.
    #[error(
        "the {field} `{text}` can't be read: it takes {takes}; also `*`, a list `1,2`, \
         a range `1-5`, or steps `*/2`"
    )]
    Field {
        /// The field's name.
        field: &'static str,
        /// What was written in it.
        text: String,
        /// The numbers and names that it takes.
        takes: &'static str,
    },
    /// A word with `@` that is none of ours.
    #[error("`{0}` is not known: it can be @hourly, @daily, @weekly, @monthly or @yearly")]
    Word(String),
    /// No day of any year matches.
    #[error("this never happens: no year has a day that matches `{0}`")]
    Never(String),
}

impl Schedule {
    /// The first moment strictly after `after` at which a source in `zone` is due; `None` when there is none any more.
    pub fn next(&self, after: DateTime<Utc>, zone: Tz) -> Option<DateTime<Utc>> {
        let after = after.max(BEFORE_FIRST_YEAR);
        // A year in hand: the crate adds a second, and zones a day, to what they are given.
        if after.year() > LAST_YEAR {
            return None;
        }
        let mut from = self.wall_clock_to_start_from(after, zone)?;
        loop {
            let wall = self.match_after(from)?;
            let moment = match zone.from_local_datetime(&wall) {
                MappedLocalTime::Single(moment) => moment,
                MappedLocalTime::Ambiguous(first, second) if first <= after => second,
                MappedLocalTime::Ambiguous(first, _) => first,
                MappedLocalTime::None => {
                    let behind_gap = GapInfo::new(&wall, &zone)?.end?;
                    if self.interval {
                        from = behind_gap.naive_local() - Duration::seconds(1);
                        continue;
                    }
                    behind_gap
                }
            };
            return Some(moment.with_timezone(&Utc));
        }
    }

    /// The wall clock time after which matches count; not that of `after` where the clock has been, or is about
    /// to be, set back.
    fn wall_clock_to_start_from(&self, after: DateTime<Utc>, zone: Tz) -> Option<NaiveDateTime> {
        let wall = after.with_timezone(&zone).naive_local();
        let Some(repeated) = Repeated::around(wall, zone) else {
            return Some(wall);
        };
        let second_pass = after >= repeated.turn;
        Some(match (self.interval, second_pass) {
            // Whatever is left of the repeated hour has had its run in the first pass.
            (false, true) => repeated.ends - Duration::seconds(1),
            // Nothing is left of the first pass: the second one starts with times that `wall` has behind it.
            (true, false) if self.match_after(wall)? >= repeated.ends => repeated.begins - Duration::seconds(1),
            _ => wall,
        })
    }

    /// The first wall clock time after `wall` that the lines match, as if the clock were never set.
    fn match_after(&self, wall: NaiveDateTime) -> Option<NaiveDateTime> {
        let matches = self.lines.iter().filter_map(|line| line.after(&wall.and_utc()).next());
        matches.min().map(|found| found.naive_utc())
    }
}

/// A stretch of wall clock time that a zone goes through twice.
struct Repeated {
    /// Its first wall clock time.
    begins: NaiveDateTime,
    /// The wall clock time right behind it.
    ends: NaiveDateTime,
    /// The moment when the clock is set back from `ends` to `begins`.
    turn: DateTime<Utc>,
}

impl Repeated {
    /// The stretch that `wall` lies in, if it lies in one.
    fn around(wall: NaiveDateTime, zone: Tz) -> Option<Repeated> {
        let MappedLocalTime::Ambiguous(first, second) = zone.from_local_datetime(&wall) else {
            return None;
        };
        // chrono-tz does not tell its transitions. Exactly one lies between the two passes: halve until it is found.
        let set_back = wall - second.naive_utc();
        let (mut before, mut turn) = (first.timestamp(), second.timestamp());
        while turn - before > 1 {
            let middle = before + (turn - before) / 2;
            let utc = DateTime::from_timestamp(middle, 0)?;
            if utc.with_timezone(&zone).naive_local() - utc.naive_utc() == set_back {
                turn = middle;
            } else {
                before = middle;
            }
        }
        let turn = DateTime::from_timestamp(turn, 0)?;
        let begins = turn.with_timezone(&zone).naive_local();
        Some(Repeated { begins, ends: begins + (second.to_utc() - first.to_utc()), turn })
    }
}

impl FromStr for Schedule {
    type Err = BadSchedule;

    fn from_str(text: &str) -> Result<Self, BadSchedule> {
        let fields = seven_fields(text.trim())?;
        let weekdays = weekdays_of_the_crate(fields[WEEKDAY]);
        let mut written = fields.map(str::to_owned);
        for (at, (field, takes)) in FIELDS.into_iter().enumerate() {
            let bad = || BadSchedule::Field { field, text: fields[at].to_owned(), takes };
            if at == WEEKDAY {
                written[at] = weekdays.clone().ok_or_else(bad)?;
            }
            // The crate says what is wrong in a parser's words, and not where: try each field on its own.
            let mut alone = ["*"; 7];
            alone[at] = &written[at];
            line(&alone).ok_or_else(bad)?;
        }
        let never = || BadSchedule::Never(text.trim().to_owned());
        let mut lines = Vec::new();
        if is_restricted(fields[DAY]) && is_restricted(fields[WEEKDAY]) {
            for either in [DAY, WEEKDAY] {
                let mut one = written.each_ref().map(String::as_str);
                one[either] = "*";
                lines.push(line(&one).ok_or_else(never)?);
            }
        } else {
            lines.push(line(&written.each_ref().map(String::as_str)).ok_or_else(never)?);
        }
        let every_hour = lines.iter().all(|line| line.hours().is_all());
        let schedule = Schedule { text: text.to_owned(), lines, interval: fields[HOUR].starts_with('*') || every_hour };
        match schedule.match_after(BEFORE_FIRST_YEAR.naive_utc()) {
            Some(_) => Ok(schedule),
            None => Err(never()),
        }
    }
}

/// A text's fields, with the second and the year that it may leave out.
fn seven_fields(text: &str) -> Result<[&str; 7], BadSchedule> {
    let text = match text {
        "@hourly" => "0 * * * *",
        "@daily" | "@midnight" => "0 0 * * *",
        "@weekly" => "0 0 * * 0",
        "@monthly" => "0 0 1 * *",
        "@yearly" | "@annually" => "0 0 1 1 *",
        word if word.starts_with('@') => return Err(BadSchedule::Word(word.to_owned())),
        line => line,
    };
    let fields: Vec<&str> = text.split_whitespace().collect();
    match fields[..] {
        [minute, hour, day, month, weekday] => Ok(["0", minute, hour, day, month, weekday, "*"]),
        [second, minute, hour, day, month, weekday] => Ok([second, minute, hour, day, month, weekday, "*"]),
        [second, minute, hour, day, month, weekday, year] => Ok([second, minute, hour, day, month, weekday, year]),
        _ => Err(BadSchedule::Count(fields.len())),
    }
}

/// Fields as a line of the crate's, or nothing where it can't read them.
fn line(fields: &[&str; 7]) -> Option<cron::Schedule> {
    fields.join(" ").parse().ok()
}

/// Whether a day field narrows the days down; crontab goes by the first character, so `*/2` does not.
fn is_restricted(field: &str) -> bool {
    !field.starts_with(['*', '?'])
}

/// A weekday field in crontab's numbers, where Sunday is 0 or 7, in the crate's, where it is 1; `None` if it can't be read.
fn weekdays_of_the_crate(field: &str) -> Option<String> {
    if field == "*" || field == "?" {
        return Some("*".to_owned());
    }
    let mut days = [false; 7];
    for part in field.split(',') {
        let (span, step) = match part.split_once('/') {
            Some((span, step)) => (span, Some(number(step).filter(|step| *step > 0)?)),
            None => (part, None),
        };
        let (first, last) = if span == "*" {
            (0, 6)
        } else if let Some((first, last)) = span.split_once('-') {
            let first = weekday(first)?;
            // In a range, Sunday is the week's first day or its last one, whichever makes the range go forward.
            let last = weekday(last).map(|last| if last < first && last == 0 { 7 } else { last })?;
            (first, last)
        } else {
            let day = weekday(span)?;
            if step.is_some() { (day % 7, 6) } else { (day, day) }
        };
        if first > last {
            return None;
        }
        for day in (first..=last).step_by(step.unwrap_or(1)) {
            days[day % 7] = true;
        }
    }
    let named: Vec<String> = (0..7).filter(|day| days[*day]).map(|day| (day + 1).to_string()).collect();
    Some(named.join(","))
}

/// A weekday by its number in crontab or by its English name, three letters or more of it.
fn weekday(text: &str) -> Option<usize> {
    const NAMES: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    let name = text.to_ascii_lowercase();
    let named = NAMES.iter().position(|full| name.len() >= 3 && full.starts_with(&name));
    named.or_else(|| number(text).filter(|day| *day <= 7))
}

/// Digits as a number; unlike `parse` alone, without a sign.
fn number(text: &str) -> Option<usize> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for Schedule {
    fn eq(&self, other: &Schedule) -> bool {
        self.text == other.text
    }
}

impl Eq for Schedule {}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}
