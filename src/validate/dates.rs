//! Dates as feeds write them: RFC 2822 (RSS), RFC 3339 (Atom, JSON Feed).

use chrono::{DateTime, Datelike, Duration, FixedOffset, NaiveDate, NaiveDateTime};

use super::findings::Findings;
use super::values::{is_digits, shown};

const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// Clocks differ; a date that is this little ahead is not from the future.
const LENIENCE: Duration = Duration::minutes(10);
/// The end of 1970's first day, in seconds: that day is what a date that was never set comes out as.
const FIRST_DAY: i64 = 24 * 60 * 60;

/// Checks an RFC 2822 date (section 3.3).
pub(super) fn check_rfc2822(at: usize, what: &str, value: &str, findings: &mut Findings) {
    match Rfc2822::read(value) {
        Err(Broken::Form(why)) => {
            findings.error(at, "invalid-date", format!("{what} is not an RFC 2822 date: {why}: `{}`", shown(value)));
        }
        Err(Broken::Weekday(right)) => {
            findings.error(at, "wrong-weekday", format!("{what} `{}` was a {right}", shown(value)));
        }
        Ok(Rfc2822 { date, loose }) => {
            if let Some((rule, why)) = loose {
                findings.warning(at, rule, format!("{what} `{}` {why}", shown(value)));
            }
            check_plausible(at, what, date, findings);
        }
    }
}

/// Checks an RFC 3339 date (section 5.6), and gives it if it is one.
pub(super) fn check_rfc3339(
    at: usize,
    what: &str,
    value: &str,
    findings: &mut Findings,
) -> Option<DateTime<FixedOffset>> {
    match rfc3339(value) {
        Some(date) => {
            check_plausible(at, what, date, findings);
            Some(date)
        }
        None => {
            let message =
                format!("{what} must be an RFC 3339 date such as 2026-01-31T12:00:00Z, not `{}`", shown(value));
            findings.error(at, "invalid-date", message);
            None
        }
    }
}

/// Checks a date of Dublin Core or of the syndication module: RFC 3339, or cut short (W3CDTF).
pub(super) fn check_w3cdtf(at: usize, what: &str, value: &str, findings: &mut Findings) {
    let is_year = || numbers(value, '-', [4]).is_some();
    let is_month = || numbers(value, '-', [4, 2]).is_some_and(|[_, month]| (1..=12).contains(&month));
    let is_day = || numbers(value, '-', [4, 2, 2]).is_some_and(|[y, m, d]| naive(y, m, d, 0, 0, 0).is_some());
    if !is_year() && !is_month() && !is_day() {
        check_rfc3339(at, what, value, findings);
    }
}

fn check_plausible(at: usize, what: &str, date: DateTime<FixedOffset>, findings: &mut Findings) {
    // A hair's breadth from the end of chrono's calendar there is no "a little later".
    let latest = findings.context.now.checked_add_signed(LENIENCE).unwrap_or(findings.context.now);
    if date > latest {
        findings.warning(at, "implausible-date", format!("{what} is in the future"));
    } else if date.timestamp() < FIRST_DAY {
        findings.warning(at, "implausible-date", format!("{what} is the first day of 1970 or before it"));
    }
}

fn rfc3339(value: &str) -> Option<DateTime<FixedOffset>> {
    let (date, rest) = value.split_once('T')?;
    let zone_at = rest.find(['Z', '+', '-'])?;
    let (time, zone) = rest.split_at(zone_at);
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let whole = match time.split_once('.') {
        Some((whole, fraction)) if is_digits(fraction) => whole,
        Some(_) => return None,
        None => time,
    };
    let [hour, minute, second] = numbers(whole, ':', [2, 2, 2])?;
    let offset = match zone {
        "Z" => 0,
        _ => {
            let [hours, minutes] = numbers(zone.get(1..)?, ':', [2, 2])?;
            seconds_east(zone.starts_with('-'), hours, minutes)?
        }
    };
    moment(naive(year, month, day, hour, minute, second)?, offset)
}

/// `N` numbers of fixed widths with a separator between them.
fn numbers<const N: usize>(text: &str, separator: char, widths: [usize; N]) -> Option<[u32; N]> {
    let mut parts = text.split(separator);
    let mut numbers = [0; N];
    for (number, width) in numbers.iter_mut().zip(widths) {
        let part = parts.next().filter(|part| part.len() == width && is_digits(part))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(numbers)
}

fn seconds_east(west: bool, hours: u32, minutes: u32) -> Option<i32> {
    let seconds = i32::try_from((hours * 60 + minutes) * 60).ok()?;
    (hours < 24 && minutes < 60).then_some(if west { -seconds } else { seconds })
}

fn naive(year: u32, month: u32, day: u32, hour: u32, minute: u32, second: u32) -> Option<NaiveDateTime> {
    // A leap second is well formed; the calendar has no place for it, and a second is no matter here.
    let second = if second == 60 { 59 } else { second };
    NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?.and_hms_opt(hour, minute, second)
}

fn moment(local: NaiveDateTime, east: i32) -> Option<DateTime<FixedOffset>> {
    local.and_local_timezone(FixedOffset::east_opt(east)?).single()
}

struct Rfc2822 {
    date: DateTime<FixedOffset>,
    /// A rule and a reason, if it is only what RFC 822 or a lenient reader would take.
    loose: Option<(&'static str, &'static str)>,
}

enum Broken {
    Form(&'static str),
    Weekday(&'static str),
}

impl Rfc2822 {
    fn read(value: &str) -> Result<Rfc2822, Broken> {
        let form = Broken::Form;
        let mut loose = None;
        let mut note = |rule, why| loose = loose.or(Some((rule, why)));
        let (bare, comment) = value.split_once('(').map_or((value, ""), |(bare, comment)| (bare, comment));
        if !comment.is_empty() {
            note("loose-date", "has a comment, which few readers know");
        }
        let (weekday, rest) = match bare.split_once(',') {
            Some((weekday, rest)) => (Some(weekday), rest),
            None => (None, bare),
        };
        let parts: Vec<&str> = rest.split_ascii_whitespace().take(6).collect();
        let [day, month, year, time, zone] = parts[..] else {
            return Err(form("it is not written as `Sat, 31 Jan 2026 12:00:00 GMT`"));
        };
        if rest.trim().bytes().filter(u8::is_ascii_whitespace).count() != 4 {
            note("loose-date", "has more than one space between its parts");
        }
        if !is_digits(day) || day.len() > 2 {
            return Err(form("the day must be a number"));
        }
        let Some((month_number, exact)) = place(&MONTHS, month) else {
            return Err(form("the month must be one of Jan to Dec"));
        };
        if !exact {
            note("loose-date", "has a month in the wrong case");
        }
        let year_number = match year.len() {
            4 if is_digits(year) => year.parse().unwrap_or(0),
            2 if is_digits(year) => {
                note("two-digit-year", "has a year of two digits");
                let short: u32 = year.parse().unwrap_or(0);
                if short < 50 { 2000 + short } else { 1900 + short }
            }
            _ => return Err(form("the year must have four digits")),
        };
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])
            .or_else(|| numbers(time, ':', [2, 2]).map(|[hour, minute]| [hour, minute, 0]))
            .ok_or(form("the time must be written as 12:00:00"))?;
        let (offset, exact) = zone_offset(zone).ok_or(form("the zone must be GMT or like +0500"))?;
        if !exact {
            note("loose-date", "has a zone that few readers know");
        }
        let local = naive(year_number, month_number + 1, day.parse().unwrap_or(0), hour, minute, second)
            .ok_or(form("there is no such day or hour"))?;
        if let Some(weekday) = weekday {
            let (number, exact) =
                place(&WEEKDAYS, weekday.trim()).ok_or(form("the weekday must be one of Mon to Sun"))?;
            let right = local.weekday().num_days_from_monday();
            if number != right {
                return Err(Broken::Weekday(WEEKDAYS[usize::try_from(right).unwrap_or(0)]));
            }
            if !exact {
                note("loose-date", "has a weekday in the wrong case");
            }
        }
        let date = moment(local, offset).ok_or(form("there is no such day or hour"))?;
        Ok(Rfc2822 { date, loose })
    }
}

/// A name's place in a list, and whether its case is right too.
fn place(names: &[&str], name: &str) -> Option<(u32, bool)> {
    let index = names.iter().position(|known| known.eq_ignore_ascii_case(name))?;
    Some((u32::try_from(index).ok()?, names[index] == name))
}

/// A zone's seconds east of Greenwich, and whether RFC 2822 would write it so.
fn zone_offset(zone: &str) -> Option<(i32, bool)> {
    const HOUR: i32 = 3600;
    if let Some(digits) = zone.strip_prefix(['+', '-']) {
        let [hours_and_minutes] = numbers(digits, ':', [4])?;
        let seconds = seconds_east(zone.starts_with('-'), hours_and_minutes / 100, hours_and_minutes % 100)?;
        return Some((seconds, true));
    }
    let hours = match zone.to_ascii_uppercase().as_str() {
        "GMT" | "UT" | "Z" => 0,
        "EDT" => -4,
        "EST" | "CDT" => -5,
        "CST" | "MDT" => -6,
        "MST" | "PDT" => -7,
        "PST" => -8,
        // RFC 822 got the military zones the wrong way round: RFC 2822 takes them for an unknown zone.
        letter if letter.len() == 1 && letter != "J" && letter.as_bytes()[0].is_ascii_uppercase() => {
            return Some((0, false));
        }
        _ => return None,
    };
    Some((hours * HOUR, zone.bytes().all(|byte| byte.is_ascii_uppercase())))
}
