use std::collections::HashMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const SAMPLE: &str = include_str!("../../../../tests/fixtures/edition/rahbar-2026-04-25.txt");
const THREE_ARTICLES: &str = include_str!("../../../../tests/fixtures/edition/three-articles.txt");
const HOSTILE: &str = include_str!("../../../../tests/fixtures/edition/hostile.txt");

fn day(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
    NaiveDate::from_ymd_opt(year, month, day)
}

/// The one article of a page.
fn only_article(text: &str) -> Printed {
    let page = read_page(text);
    assert_eq!(page.articles.len(), 1, "{page:#?}");
    page.articles.into_iter().next().unwrap_or_default()
}

fn without_spaces(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[test]
fn the_sample_is_one_article() {
    let page = read_page(SAMPLE);
    assert_eq!(page.masthead.as_deref(), Some("RK' Rahbar International"));
    assert_eq!(page.date, day(2026, 4, 25));
    assert!(page.loose.is_empty());
    let article = only_article(SAMPLE);
    assert_eq!(article.section.as_deref(), Some("YOUR WORLD IN WORDS"));
    assert_eq!(article.headline, "Putin acknowledges North Korean Troops role");
    assert_eq!((article.date, article.place), (day(2025, 9, 3), None));
    let permalink = "https://rahbarkisan.com/wp/putin-acknowledges-north-korean-troops-role-in-ukraine-war/";
    assert_eq!(article.permalink.as_deref(), Some(permalink));

    let text = article.paragraphs;
    assert_eq!(text.len(), 6, "{text:#?}");
    assert!(text[0].starts_with("Russian President Vladimir Putin on Wednesday"));
    assert!(text[0].contains("talks at Beijing's Diaoyutai State Guesthouse"));
    assert!(
        text[0].ends_with("marked the first time Putin directly confirmed Pyongyang's military role in the conflict.")
    );
    assert!(text[1].starts_with("Putin praised the North Korean forces as “courageous and heroic,  noting"));
    assert!(text[5].ends_with("between Moscow and Pyongyang, set against the backdrop of the ongoing Ukraine conflictand heightened global scrutiny."));
}

#[test]
fn the_samples_words_stay_as_they_are() {
    let body =
        SAMPLE.split_once('—').map(|(_, body)| body.replace(&only_article(SAMPLE).permalink.unwrap_or_default(), ""));
    let printed = only_article(SAMPLE).paragraphs.concat();
    assert_eq!(Some(without_spaces(&printed)), body.map(|body| without_spaces(&body)));
}

#[test]
fn line_ends_and_blanks_make_no_difference() {
    let windows = format!("\u{feff}{}", SAMPLE.replace('\n', " \t\r\n\u{a0}"));
    for text in [windows, SAMPLE.replace('\n', "\r"), format!("{SAMPLE}\u{c}RK' Rahbar International\n25 April 2026\n")]
    {
        assert_eq!(read_page(&text), read_page(SAMPLE));
    }
}

#[test]
fn articles_without_datelines_share_a_section() {
    let page = read_page(
        "NEWS\n\nRain falls in Lahore\n\nIt rains in most of the province today.\n\nSun shines over Multan\n\nThe sun shines on most of the south today.",
    );
    let headlines: Vec<&str> = page.articles.iter().map(|article| article.headline.as_str()).collect();
    assert_eq!(headlines, ["Rain falls in Lahore", "Sun shines over Multan"]);
    assert!(page.articles.iter().all(|article| article.section.as_deref() == Some("NEWS")));
}

#[test]
fn three_articles_in_two_sections_on_two_sheets() {
    insta::assert_debug_snapshot!(read_page(THREE_ARTICLES));
}

#[test]
fn a_hostile_page_loses_no_text() {
    insta::assert_debug_snapshot!(read_page(HOSTILE));
}

#[test]
fn datelines_in_all_their_forms() {
    let date = day(2025, 9, 3);
    for (line, place, date) in [
        ("September 3, 2025 —Text.", None, date),
        ("September 3rd 2025 - Text.", None, date),
        ("3 September 2025 – Text.", None, date),
        ("Wednesday, Sept. 3, 2025 -- Text.", None, date),
        ("2025-09-03 — Text.", None, date),
        ("Sept 3 — Text.", None, day(2026, 9, 3)),
        ("KARACHI, September 3, 2025 — Text.", Some("KARACHI"), date),
        ("Karachi, Pakistan, 3 Sep 2025 — Text.", Some("Karachi, Pakistan"), date),
        ("LAHORE: Text.", Some("LAHORE"), None),
        ("RAHIM YAR KHAN: Text.", Some("RAHIM YAR KHAN"), None),
        ("September 3, 2025\n\nText.", None, date),
        ("September 3, 2025 —\nText.", None, date),
    ] {
        let article = only_article(&format!("April 25, 2026\n\nRain falls\n{line}"));
        let read = (article.headline.as_str(), article.place.as_deref(), article.date, &article.paragraphs[..]);
        assert_eq!(read, ("Rain falls", place, date, &["Text.".to_owned()][..]), "{line}");
    }
    for text in ["May 3 - 5 are holidays.", "February 30, 2025 — Text.", "Note: this is text.", "May we — Text."] {
        let article = only_article(&format!("April 25, 2026\n\nNEWS\n\nRain falls\n\n{text}"));
        assert_eq!((article.date, article.place, article.paragraphs), (None, None, vec![text.to_owned()]));
    }
    let undated = only_article("NEWS\n\nRain falls\n\nSept 3 — Text.");
    assert_eq!((undated.date, undated.paragraphs), (None, vec!["Sept 3 — Text.".to_owned()]));
}

#[test]
fn edition_dates_in_all_their_forms() {
    for line in ["Saturday, April 25th 2026", "25 April 2026", "April 25, 2026", "2026-04-25", "Sat 25th April, 2026"] {
        let page = read_page(&format!("\u{feff}The Paper\n{line}\n\nOnly text here, and no headline."));
        assert_eq!((page.masthead.as_deref(), page.date), (Some("The Paper"), day(2026, 4, 25)), "{line}");
        assert!(page.articles.is_empty());
        assert_eq!(page.loose, ["Only text here, and no headline."]);
    }
}

#[test]
fn a_masthead_without_a_date_stands_above_the_first_section() {
    let page = read_page("The Paper\n\nNEWS\n\nRain falls\nLAHORE: Text.");
    assert_eq!(page.masthead.as_deref(), Some("The Paper"));
    assert_eq!(page.articles[0].section.as_deref(), Some("NEWS"));
}

#[test]
fn an_urdu_page_has_no_section() {
    let page = read_page(
        "لاہور میں بارش سے سڑکیں بند\n\nلاہور میں جمعہ کے روز شدید بارش ہوئی جس سے شہر کی بہت سی سڑکیں بند ہو گئیں اور\n\nٹریفک رک گئی۔\n\nبارش کل بھی ہوگی۔",
    );
    assert_eq!(page.articles.len(), 1, "{page:#?}");
    assert_eq!(page.articles[0].section, None);
    assert_eq!(page.articles[0].headline, "لاہور میں بارش سے سڑکیں بند");
    assert_eq!(page.articles[0].paragraphs.len(), 2);
}

#[test]
fn a_permalink_goes_to_the_article_that_it_names() {
    // Above each headline, behind each text, and above the second alone.
    let (first, second) = ("https://example.com/rain-falls", "https://example.com/sun-shines");
    let one = "Rain falls\nLAHORE: It rains.";
    let two = "Sun shines\nMULTAN: It shines.";
    for (text, links) in [
        (format!("{first}\n\n{one}\n\n{second}\n\n{two}"), [Some(first), Some(second)]),
        (format!("{one}\n\n{first}\n\n{two}\n\n{second}"), [Some(first), Some(second)]),
        (format!("{one}\n\n{second}\n\n{two}"), [None, Some(second)]),
        (format!("{one}\n\n{first}\n\n{two}"), [Some(first), None]),
        (format!("{one}\n\nNEWS\n\n{second}\n\n{two}"), [None, Some(second)]),
    ] {
        let page = read_page(&text);
        let read: Vec<Option<&str>> = page.articles.iter().map(|article| article.permalink.as_deref()).collect();
        assert_eq!(read, links, "{text}");
    }
}

#[test]
fn a_broken_permalink_is_put_together() {
    let link = |lines: &str| only_article(&format!("Rain falls\nLAHORE: It rains.\n{lines}")).permalink;
    assert_eq!(link("https://example.com/rain-\nfalls/").as_deref(), Some("https://example.com/rain-falls/"));
    assert_eq!(link("https://example.com/2026/\nrain-falls").as_deref(), Some("https://example.com/2026/rain-falls"));
    assert_eq!(link("https://example.com/rain/\nscrutiny").as_deref(), Some("https://example.com/rain/"));
    assert_eq!(link("https://example.com/rain-falls/\n\nit-is").as_deref(), Some("https://example.com/rain-falls/"));
}

#[test]
fn crossheads_and_cut_sentences_are_no_headlines() {
    let text = "Rain falls\nLAHORE: It rains in most of the province today, from Lahore to Multan and\nin Bahawalpur.\n\nWhat next\n\nThe rain goes on\nfor a week.\n\nThe minister met with\n\nPakistan’s farmers.";
    let article = only_article(text);
    assert_eq!(article.paragraphs.len(), 3, "{article:#?}");
    assert_eq!(article.paragraphs[2], "The minister met with Pakistan’s farmers.");
}

#[test]
fn reading_takes_time_in_proportion() {
    let lines = [
        "x\n\n",
        "https://a.b/c\n\n",
        "https://a.b/c-\n",
        ")\n\n",
        "A Bc De\n\n",
        "NEWS\n\n",
        "Rain falls\nLAHORE: x.\n\n",
        "\u{c}",
        "a",
        ")",
        ", ",
        "By A\n",
        "NEWS\n\nhttps://a.b/news\n\nNews is it\n\n",
        "1\n\n",
        "\u{ad}\n",
    ];
    for line in lines {
        let page = line.repeat(MAX_PAGE_BYTES / 4 / line.len());
        let started = Instant::now();
        read_page(&page);
        assert!(started.elapsed() < Duration::from_secs(10), "{line:?} took {:?}", started.elapsed());
    }
}

/// How often each word of some texts occurs.
fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> HashMap<String, usize> {
    let mut words = HashMap::new();
    for word in texts.into_iter().flat_map(str::split_whitespace) {
        *words.entry(word.to_owned()).or_default() += 1;
    }
    words
}

/// Every text that a page gives back.
fn texts(page: &Page) -> Vec<&str> {
    let articles = page.articles.iter().flat_map(|article| {
        let head = [article.section.as_deref(), article.permalink.as_deref(), article.place.as_deref()];
        head.into_iter()
            .flatten()
            .chain([article.headline.as_str()])
            .chain(article.paragraphs.iter().map(String::as_str))
    });
    articles.chain(page.masthead.as_deref()).chain(page.loose.iter().map(String::as_str)).collect()
}

/// Without soft hyphens, which put together what the shuffling brings together.
fn shuffled_sample() -> impl Strategy<Value = Vec<String>> {
    let lines = [SAMPLE, THREE_ARTICLES].into_iter().flat_map(str::lines);
    let lines: Vec<String> = lines.map(|line| line.replace('\u{ad}', "")).collect();
    Just(lines).prop_shuffle()
}

proptest! {
    #[test]
    fn any_text_can_be_read(text in any::<String>()) {
        read_page(&text);
    }

    #[test]
    fn any_page_like_text_can_be_read(text in "([A-Z]{2,6}( [A-Z]{3})?|[A-Z][a-z]{2,6}( [a-z]{1,5}){0,9}[.,—:”\u{ad}]?|\n|\r\n|\u{c}|\u{feff}| |3 May 2025( —)?|https?://[a-z.]{1,4}/[a-z-]{0,3}|Page 3|9{1,4}|ابج۔){0,60}") {
        read_page(&text);
    }

    #[test]
    fn shuffled_lines_lose_no_word(lines in shuffled_sample()) {
        let page = read_page(&lines.join("\n"));
        let mut read = words(texts(&page));
        // What may go: furniture, dates, a repeated masthead, and what is put together across lines.
        let kept = lines.iter().filter(|line| {
            !line.contains(['—', '\u{c}']) && !["2026", "://", "www.", "Page 3", "berth/"].iter().any(|part| line.contains(part))
                && line.trim() != "4" && !line.to_lowercase().contains("rahbar international")
        });
        for (word, count) in words(kept.map(String::as_str)) {
            let word_read = read.remove(&word).unwrap_or_default();
            let place = word == "LAHORE:" && word_read == 0;
            prop_assert!(place || word_read >= count, "{word} {count}, read {word_read}: {page:#?}");
        }
    }
}
