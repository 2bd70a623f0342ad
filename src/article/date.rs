//! Dates as newsrooms and their programs write them.
//!
//! A list of our own: general-purpose parsers were seen to lose offsets, and to fill a bare date with the present time of day.

use chrono::{DateTime, FixedOffset, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeZone, Utc};
use chrono_tz::Tz;

/// Forms with an offset, after RFC 3339 and RFC 2822 have been tried.
const WITH_OFFSET: &[&str] = &[
    "%Y-%m-%dT%H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f%z",
    "%Y-%m-%d %H:%M:%S%.f %z",
    "%Y-%m-%dT%H:%M%z",
    "%Y-%m-%d %H:%M%z",
    "%Y-%m-%d %H:%M %z",
    "%a, %d %b %Y %H:%M %z",
    "%d %b %Y %H:%M:%S %z",
];

/// Forms without an offset: the newsroom's own time.
const LOCAL: &[&str] = &[
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d %H:%M",
    "%a, %d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y %H:%M",
    "%d %B %Y %H:%M",
    "%B %d, %Y %H:%M",
    "%B %d, %Y %I:%M %p",
];

/// Days without a time: midnight in the newsroom.
const DAYS: &[&str] = &["%Y-%m-%d", "%Y/%m/%d", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%a, %d %b %Y"];

/// The instant that a text means, read in `zone` where the text has no offset. `None`: not a date.
pub fn parse(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if text.is_empty() || text.len() > 64 {
        return None;
    }
    if let Some(instant) = with_offset(text) {
        return Some(instant.to_utc());
    }
    if let Some(local) = LOCAL.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok()) {
        return Some(in_zone(local, zone));
    }
    DAYS.iter().find_map(|form| NaiveDate::parse_from_str(text, form).ok()).map(|day| midnight(day, zone))
}

/// Midnight of a day in the newsroom.
pub fn midnight(day: NaiveDate, zone: Tz) -> DateTime<Utc> {
    in_zone(day.and_time(NaiveTime::MIN), zone)
}

fn with_offset(text: &str) -> Option<DateTime<FixedOffset>> {
    // "UTC" and "Z" after a space are common and in no RFC; RFC 2822 parsing knows GMT alone.
    let plain = text.strip_suffix(" UTC").or_else(|| text.strip_suffix(" Z")).map(|rest| format!("{rest} +0000"));
    let text = plain.as_deref().unwrap_or(text);
    DateTime::parse_from_rfc3339(text)
        .ok()
        .or_else(|| DateTime::parse_from_rfc2822(text).ok())
        .or_else(|| WITH_OFFSET.iter().find_map(|form| DateTime::parse_from_str(text, form).ok()))
        .or_else(|| wrong_weekday(text))
}

/// An RFC 2822 date whose weekday is wrong, which many hand-made feeds have: the day and the time still stand.
fn wrong_weekday(text: &str) -> Option<DateTime<FixedOffset>> {
    let (weekday, rest) = text.split_once(',')?;
    (weekday.len() <= 9).then(|| DateTime::parse_from_rfc2822(rest.trim()).ok()).flatten()
}

/// A local time as an instant: the first of two where clocks go back, the moment after the gap where they go forward.
fn in_zone(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => instant.to_utc(),
        LocalResult::None => {
            let before = local - chrono::TimeDelta::hours(3);
            match zone.from_local_datetime(&before).earliest() {
                Some(instant) => instant.to_utc() + chrono::TimeDelta::hours(3),
                None => local.and_utc(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Option<String> {
        parse(text, chrono_tz::Asia::Karachi).map(|instant| instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    }

    #[test]
    fn an_offset_in_the_text_is_kept() {
        assert_eq!(at("Wed, 25 Nov 2026 10:00:00 +0100").as_deref(), Some("2026-11-25T09:00:00Z"));
        assert_eq!(at("2026-11-25T10:00:00.250-05:00").as_deref(), Some("2026-11-25T15:00:00Z"));
        assert_eq!(at("2026-11-25 10:00:00 UTC").as_deref(), Some("2026-11-25T10:00:00Z"));
        assert_eq!(at("25 Nov 2026 10:00 GMT").as_deref(), Some("2026-11-25T10:00:00Z"));
    }

    #[test]
    fn without_one_the_newsrooms_time_is_meant() {
        assert_eq!(at("2026-11-25 10:00").as_deref(), Some("2026-11-25T05:00:00Z"));
        assert_eq!(at("2026-11-25").as_deref(), Some("2026-11-24T19:00:00Z"));
        assert_eq!(at("November 25, 2026").as_deref(), Some("2026-11-24T19:00:00Z"));
    }

    #[test]
    fn a_wrong_weekday_does_not_lose_the_date() {
        assert_eq!(at("Mon, 25 Nov 2026 10:00:00 GMT").as_deref(), Some("2026-11-25T10:00:00Z"));
    }

    #[test]
    fn a_time_in_the_spring_gap_is_after_it() {
        let instant = parse("2026-03-08 02:30", chrono_tz::America::New_York);
        assert_eq!(instant.map(|instant| instant.to_rfc3339()).as_deref(), Some("2026-03-08T07:30:00+00:00"));
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,70}") {
            parse(&text, chrono_tz::Asia::Karachi);
        }
    }
}
