use chrono::{DateTime, Duration, TimeZone, Timelike, Utc};
use chrono_tz::{America, Asia, Australia, Europe, Pacific, TZ_VARIANTS, Tz};
use proptest::prelude::*;

use super::*;

/// The schedule that `text` is; these texts are ours.
fn schedule(text: &str) -> Schedule {
    text.parse().unwrap_or_else(|bad| panic!("{text}: {bad}"))
}

/// The first `count` times after a wall clock time, as the zone's clock shows them, with the offset.
fn times(text: &str, zone: Tz, after: &str, count: usize) -> Vec<String> {
    let after = DateTime::parse_from_str(after, "%Y-%m-%d %H:%M %z").expect("a test's own time");
    let schedule = schedule(text);
    std::iter::successors(schedule.next(after.to_utc(), zone), |last| schedule.next(*last, zone))
        .take(count)
        .map(|time| time.with_timezone(&zone).format("%m-%d %H:%M %z").to_string())
        .collect()
}

fn days(text: &str, count: usize) -> Vec<String> {
    times(text, Tz::UTC, "2026-04-24 12:00 +0000", count)
}

#[test]
fn five_six_and_seven_fields() {
    assert_eq!(days("*/5 * * * *", 2), ["04-24 12:05 +0000", "04-24 12:10 +0000"]);
    let start = Utc.with_ymd_and_hms(2026, 4, 25, 6, 30, 0).single().expect("a time");
    let next = schedule("15 30 6 * * *").next(start, Tz::UTC);
    assert_eq!(next, Some(start + Duration::seconds(15)));
    let next = schedule("0 0 0 1 1 * 2030").next(start, Tz::UTC);
    assert_eq!(next.map(|time| time.to_rfc3339()), Some("2030-01-01T00:00:00+00:00".to_owned()));
    assert_eq!(schedule("0 0 0 1 1 * 2020").next(start, Tz::UTC), None);
}

#[test]
fn weekdays_are_crontabs_whatever_the_number_of_fields() {
    // 26 April 2026 is a Sunday.
    for sunday in [
        "0 6 * * 0",
        "0 6 * * 7",
        "0 6 * * sun",
        "0 6 * * Sunday",
        "0 0 6 * * 0",
        "0 0 6 * * 7 *",
        "0 6 * * 7/7",
        "0 6 ? * 0,7",
    ] {
        assert_eq!(days(sunday, 2), ["04-26 06:00 +0000", "05-03 06:00 +0000"], "{sunday}");
    }
    for week_end in ["0 6 * * 6-7", "0 6 * * sat-sun", "0 6 * * 6,0", "0 0 6 * * 6-7"] {
        let both = ["04-25 06:00 +0000", "04-26 06:00 +0000", "05-02 06:00 +0000"];
        assert_eq!(days(week_end, 3), both, "{week_end}");
    }
    let odd = ["04-27 06:00 +0000", "04-29 06:00 +0000", "05-01 06:00 +0000", "05-04 06:00 +0000"];
    assert_eq!(days("0 6 * * 1/2", 4), odd);
    assert_eq!(days("0 6 * * mon-fri/2", 4), odd);
    assert_eq!(days("0 6 * * 0-7", 7), days("0 6 * * *", 7));
}

#[test]
fn either_day_will_do_when_both_are_restricted() {
    assert_eq!(
        days("0 6 28 * mon", 4),
        ["04-27 06:00 +0000", "04-28 06:00 +0000", "05-04 06:00 +0000", "05-11 06:00 +0000"]
    );
    // crontab counts a field that begins with a star as unrestricted: then both must match.
    assert_eq!(days("0 6 */2 * mon", 2), ["04-27 06:00 +0000", "05-11 06:00 +0000"]);
}

#[test]
fn words_stand_for_lines() {
    for (word, line) in [
        ("@hourly", "0 * * * *"),
        ("@daily", "0 0 * * *"),
        ("@weekly", "0 0 * * 0"),
        ("@monthly", "0 0 1 * *"),
        ("@yearly", "0 0 1 1 *"),
    ] {
        assert_eq!(days(word, 5), days(line, 5), "{word}");
    }
}

#[test]
fn a_fixed_hour_in_the_gap_runs_once_right_after_it() {
    assert_eq!(
        times("30 2 * * *", America::New_York, "2026-03-07 00:00 -0500", 3),
        ["03-07 02:30 -0500", "03-08 03:00 -0400", "03-09 02:30 -0400"]
    );
    assert_eq!(
        times("*/10 2 * * *", Europe::Berlin, "2026-03-29 00:00 +0100", 2),
        ["03-29 03:00 +0200", "03-30 02:00 +0200"]
    );
    assert_eq!(
        times("15 2 * * *", Australia::Lord_Howe, "2026-10-04 00:00 +1030", 2),
        ["10-04 02:30 +1100", "10-05 02:15 +1100"]
    );
    // Samoa had no 30 December 2011 at all.
    assert_eq!(
        times("0 12 * * *", Pacific::Apia, "2011-12-29 00:00 -1000", 3),
        ["12-29 12:00 -1000", "12-31 00:00 +1400", "12-31 12:00 +1400"]
    );
}

#[test]
fn a_fixed_hour_in_the_repeated_hour_runs_the_first_time_only() {
    assert_eq!(
        times("30 1 * * *", America::New_York, "2026-11-01 00:00 -0400", 2),
        ["11-01 01:30 -0400", "11-02 01:30 -0500"]
    );
    assert_eq!(
        times("0,30 2,3 * * *", Europe::Berlin, "2026-10-25 01:00 +0200", 4),
        ["10-25 02:00 +0200", "10-25 02:30 +0200", "10-25 03:00 +0100", "10-25 03:30 +0100"]
    );
    assert_eq!(
        times("45 1 * * *", Australia::Lord_Howe, "2026-04-05 00:00 +1100", 2),
        ["04-05 01:45 +1100", "04-06 01:45 +1030"]
    );
    // Asked in the middle of the second pass, after a restart for instance.
    assert_eq!(times("30 1 * * *", America::New_York, "2026-11-01 01:10 -0500", 1), ["11-02 01:30 -0500"]);
}

#[test]
fn an_interval_runs_through_both_passes_and_skips_the_gap() {
    assert_eq!(
        times("30 * * * *", America::New_York, "2026-11-01 00:45 -0400", 3),
        ["11-01 01:30 -0400", "11-01 01:30 -0500", "11-01 02:30 -0500"]
    );
    assert_eq!(
        times("0,40 */1 * * *", Australia::Lord_Howe, "2026-04-05 01:10 +1100", 3),
        ["04-05 01:40 +1100", "04-05 01:40 +1030", "04-05 02:00 +1030"]
    );
    assert_eq!(
        times("*/20 * * * *", Europe::Berlin, "2026-03-29 01:30 +0100", 3),
        ["03-29 01:40 +0100", "03-29 03:00 +0200", "03-29 03:20 +0200"]
    );
    assert_eq!(
        times("30 */2 * * *", America::New_York, "2026-03-08 00:00 -0500", 3),
        ["03-08 00:30 -0500", "03-08 04:30 -0400", "03-08 06:30 -0400"]
    );
    assert_eq!(
        times("30 0-23 * * *", America::New_York, "2026-11-01 01:00 -0400", 2),
        ["11-01 01:30 -0400", "11-01 01:30 -0500"]
    );
}

#[test]
fn a_zone_without_summer_time_is_a_plain_clock() {
    assert_eq!(
        times("0 5 * * *", Asia::Karachi, "2026-03-08 05:00 +0500", 2),
        ["03-09 05:00 +0500", "03-10 05:00 +0500"]
    );
}

#[test]
fn mistakes_name_the_field_and_what_it_takes() {
    let told = |text: &str| text.parse::<Schedule>().expect_err(text).to_string();
    assert_eq!(
        told("61 * * * *"),
        "the minute `61` can't be read: it takes 0 to 59; also `*`, a list `1,2`, a range `1-5`, or steps `*/2`"
    );
    for (text, field) in [
        ("0 24 * * *", "hour `24`"),
        ("0 0 32 * *", "day of the month `32`"),
        ("0 0 * 13 *", "month `13`"),
        ("0 0 * * 8", "weekday `8`"),
        ("0 0 * * fri-mon", "weekday `fri-mon`"),
        ("0 0 * * 1/0", "weekday `1/0`"),
        ("0 0 * * +1", "weekday `+1`"),
        ("0 0 * * mo", "weekday `mo`"),
        ("60 0 0 * * *", "second `60`"),
        ("0 0 0 * * * 1969", "year `1969`"),
        ("*/0 * * * *", "minute `*/0`"),
        ("5-1 * * * *", "minute `5-1`"),
        ("1, * * * *", "minute `1,`"),
        ("** * * * *", "minute `**`"),
        ("1 -5 * * * *", "minute `-5`"),
        ("5MON * * * *", "minute `5MON`"),
        ("x * * * *", "minute `x`"),
        ("0 0 L * *", "day of the month `L`"),
        ("99999999999999999999 * * * *", "minute `9999"),
        ("0 0 * * 1-99999999999999999999", "weekday `1-9999"),
    ] {
        assert!(told(text).contains(&format!("the {field}")), "{text}: {}", told(text));
    }
    assert!(told("* * * *").ends_with("this one has 4"));
    assert!(told("").ends_with("this one has 0"));
    assert!(told("@reboot").starts_with("`@reboot` is not known"));
    assert_eq!(told("0 0 30 2 *"), "this never happens: no year has a day that matches `0 0 30 2 *`");
    assert_eq!(days("0 0 30 2 mon", 1), ["02-01 00:00 +0000"]);
}

#[test]
fn a_schedule_is_read_from_a_string_and_shown_as_written() {
    let read: Schedule = serde_json::from_str(r#""*/5  * * * * ""#).expect("a schedule");
    assert_eq!(read.to_string(), "*/5  * * * * ");
    assert_eq!(read, schedule("*/5  * * * * "));
    assert_ne!(read, schedule("*/5 * * * *"));
    let told = serde_json::from_str::<Schedule>(r#""0 25 * * *""#).expect_err("no such hour");
    assert!(told.to_string().starts_with("the hour `25`"));
}

#[test]
fn the_ends_of_time_are_no_trouble() {
    let hourly = schedule("@hourly");
    assert_eq!(hourly.next(DateTime::<Utc>::MAX_UTC, America::New_York), None);
    let first = hourly.next(DateTime::<Utc>::MIN_UTC, Tz::UTC);
    assert_eq!(first, Some(DateTime::UNIX_EPOCH));
}

/// The zones whose clocks are set, and two whose are not.
fn zone() -> impl Strategy<Value = Tz> {
    prop_oneof![
        Just(America::New_York),
        Just(Europe::Berlin),
        Just(Australia::Lord_Howe),
        Just(Asia::Beirut),
        Just(America::Santiago),
        Just(Pacific::Apia),
        Just(Europe::Dublin),
        Just(Asia::Karachi),
        prop::sample::select(&TZ_VARIANTS[..]),
    ]
}

/// An instant of 1971 to 2038, most of them within two hours or three of a change of the clock.
fn instant_in(zone: Tz) -> impl Strategy<Value = DateTime<Utc>> {
    let parts = (0..24_000i64, 0..5u8, 0..18_000i64, 0..3i64);
    parts.prop_map(move |(day, anywhere, seconds, nanos)| {
        let start = DateTime::UNIX_EPOCH + Duration::days(365 + day);
        let offset = |time: DateTime<Utc>| time.with_timezone(&zone).naive_local() - time.naive_utc();
        let changes = |start: DateTime<Utc>, step: Duration, count: i32| {
            let mut steps = (0..count).map(|n| start + step * n);
            steps.find(|time| offset(*time) != offset(*time + step))
        };
        let change = changes(start, Duration::days(1), 365)
            .and_then(|day| changes(day, Duration::minutes(30), 48))
            .filter(|_| anywhere > 0);
        let base = change.map_or(start, |change| change - Duration::hours(2));
        base + Duration::seconds(seconds) + Duration::nanoseconds(nanos)
    })
}

fn zone_and_instant() -> impl Strategy<Value = (Tz, DateTime<Utc>)> {
    zone().prop_flat_map(|zone| (Just(zone), instant_in(zone)))
}

/// Lines of five fields, with hours that are often in the night, when clocks are set.
fn any_line() -> impl Strategy<Value = String> {
    let minute = prop_oneof!["[1-5]?[0-9]", "\\*/(5|7|20)", "(0|15),45", Just("*".to_owned())];
    let hour = prop_oneof!["[0-3]", "[0-2],(3|12)", "\\*", "\\*/[2-5]", "0-(5|23)", "1?[0-9]"];
    let day = prop_oneof![5 => Just("*".to_owned()), 1 => "[1-9]|[12][0-9]|[1-9]-29", 1 => "\\*/[2-9]"];
    let weekday = prop_oneof![5 => Just("*".to_owned()), 1 => "[0-7]|mon-fri|sat,sun|5-7"];
    (minute, hour, day, weekday).prop_map(|(minute, hour, day, weekday)| format!("{minute} {hour} {day} * {weekday}"))
}

/// What the module's rule says, found the slow way: by walking through the minutes of the wall clock.
fn next_found_by_walking(
    schedule: &Schedule,
    after: DateTime<Utc>,
    zone: Tz,
    until: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let matches = |wall: NaiveDateTime| schedule.lines.iter().any(|line| line.includes(wall.and_utc()));
    let minute = |time: NaiveDateTime| {
        time - Duration::nanoseconds(time.nanosecond().into()) - Duration::seconds(time.second().into())
    };
    if schedule.interval {
        let start = minute(after.naive_utc()).and_utc();
        let minutes = (0..).map(|n| start + Duration::minutes(n)).take_while(|time| *time <= until);
        return minutes.filter(|time| *time > after).find(|time| matches(time.with_timezone(&zone).naive_local()));
    }
    // Two days early, so that every wall clock time that could be meant is walked through.
    let start = minute(after.naive_utc()) - Duration::days(2);
    let walls =
        (0..).map(|n| start + Duration::minutes(n)).take_while(|wall| wall.and_utc() <= until + Duration::days(2));
    let moments = walls.filter(|wall| matches(*wall)).map(|wall| {
        let mut wall = wall;
        loop {
            match zone.from_local_datetime(&wall).earliest() {
                Some(moment) => return moment.to_utc(),
                None => wall += Duration::minutes(1),
            }
        }
    });
    moments.filter(|moment| *moment > after && *moment <= until).min()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn times_only_go_forward((zone, start) in zone_and_instant(), line in any_line()) {
        let schedule = schedule(&line);
        let mut last = start;
        for _ in 0..40 {
            let Some(next) = schedule.next(last, zone) else { break };
            prop_assert!(next > last, "{next} is not after {last}");
            last = next;
        }
    }

    #[test]
    fn later_questions_never_get_earlier_answers((zone, start) in zone_and_instant(), line in any_line(), wait in 0..90_000i64) {
        let schedule = schedule(&line);
        let sooner = schedule.next(start, zone);
        let later = schedule.next(start + Duration::seconds(wait), zone);
        prop_assert!(later >= sooner, "{sooner:?}, then {later:?}");
    }

    #[test]
    fn nothing_is_missed_and_nothing_invented((zone, start) in zone_and_instant(), line in any_line()) {
        let schedule = schedule(&line);
        let until = start + Duration::days(3);
        let next = schedule.next(start, zone).filter(|next| *next <= until);
        prop_assert_eq!(next, next_found_by_walking(&schedule, start, zone, until));
    }

    #[test]
    fn any_text_is_a_schedule_or_a_mistake(text in "(@?[a-z]{0,8}|([0-9a-z*/,?-]{1,6} ?){0,8})", seconds in 0..4_000_000_000i64) {
        if let (Ok(schedule), Some(after)) = (text.parse::<Schedule>(), DateTime::from_timestamp(seconds, 0)) {
            prop_assert!(schedule.next(after, Europe::Berlin).is_none_or(|next| next > after));
        }
    }
}
