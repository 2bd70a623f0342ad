//! RSS, and what all formats share: dates, languages, content.

use super::{GUID, SELF, errs, item, read, rss, warns};

#[test]
fn rss_channels() {
    errs("<rss version='2.0'><channel/></rss>", &["missing-element"; 3]);
    errs("<rss/>", &["missing-attribute", "missing-element"]);
    errs(&rss("", "").replace("2.0", "3"), &["invalid-version"]);
    errs(&rss("<title>x</title>", ""), &["duplicate-element"]);
    errs(&rss("<language>en_US</language>", ""), &["invalid-language"]);
    errs(&rss("<language>english</language>", ""), &["invalid-language"]);
    errs(&rss("<ttl>-5</ttl>", ""), &["invalid-number"]);
    errs(&rss("<skipHours><hour>24</hour></skipHours><skipDays><day>Mon</day></skipDays>", ""), &["invalid-value"; 2]);
    errs(
        &rss("<cloud domain='a' port='x' path='/' registerProcedure=''/>", ""),
        &["missing-attribute", "invalid-number"],
    );
    errs(&rss("<managingEditor>Jane</managingEditor>", ""), &["invalid-mail"]);
    errs(&rss("<colour>red</colour>", ""), &["unknown-element"]);
    errs(&rss("<image><url>https://example.org/a.png</url><title>News</title></image>", ""), &["missing-element"]);
    errs(&rss("<dc:author>x</dc:author>", ""), &["unknown-element"]);
    errs(&rss("", "").replace("mrss/", "mrss"), &["media-namespace"]);
    errs(&rss("", "").replace("<link>https://example.org/</link>", "<link>/</link>"), &["relative-url"]);
    warns(&rss("", "").replace(SELF, ""), &["missing-self"]);
    warns(&rss("<managingEditor>jane@example.org</managingEditor>", ""), &["mail-without-name"]);
    warns(&rss("", "").replace("<rss ", "<rss xmlns:snf='http://www.smartnews.be/snf' "), &["unknown-namespace"]);
    warns(&rss("", "").replace("</rss>", &format!("<item><title>A</title>{GUID}</item></rss>")), &["misplaced-item"]);
    warns(&rss("", &format!("<item><title>A</title>{GUID}</item><ttl>5</ttl>")), &["misplaced-metadata"]);
}

#[test]
fn rss_items() {
    errs(&rss("", &format!("<item>{GUID}</item>")), &["missing-element"]);
    errs(&rss("", &format!("<item><title>A</title>{GUID}</item>").repeat(2)), &["duplicate-guid"]);
    errs(&item("<guid isPermaLink='false'>other</guid>"), &["duplicate-element"]);
    errs(&item("").replace(" isPermaLink=\"false\"", ""), &["guid-not-url"]);
    errs(&item("").replace("isPermaLink=\"false\"", "isPermaLink=\"0\""), &["invalid-value"]);
    errs(&item("<link>https://example.org/[a]</link>"), &["invalid-url"]);
    errs(&item("<link>https://example.org/a|b</link>"), &["invalid-url"]);
    errs(&item("<link>https://example.org/سلام</link>"), &["non-ascii-url"]);
    errs(&item("<author>Jane Doe</author>"), &["invalid-mail"]);
    errs(&item(r#"<enclosure url="https://localhost/a" type="audio/mpeg" length="1"/>"#), &["invalid-url"]);
    errs(
        &item(r#"<enclosure url="https://example.org/a" type="mp3" length="-1"/>"#),
        &["invalid-media-type", "invalid-number"],
    );
    errs(&item("<enclosure/>"), &["missing-attribute"; 3]);
    errs(
        &item(r#"<media:content url="/a.jpg" medium="photo" width="x"/>"#),
        &["relative-url", "invalid-value", "invalid-number"],
    );
    errs(&item(r#"<media:credit role="boss">B</media:credit>"#), &["invalid-role"]);
    errs(&item("<source>x</source>"), &["missing-attribute"]);
    warns(&item("").replace(GUID, ""), &["missing-guid"]);
    warns(&item("").replace("one-and-only", "42"), &["weak-guid"]);
    warns(&item("<author>a@example.org (B)</author><dc:creator>B</dc:creator>"), &["two-authors"]);
    warns(
        &item(&r#"<enclosure url="https://example.org/a" type="audio/mpeg" length="1"/>"#.repeat(2)),
        &["second-enclosure"],
    );
    warns(&item("<content:encoded>x</content:encoded>"), &["content-without-description"]);
    warns(&item("<content:encoded>x</content:encoded><description>x</description>"), &["content-before-description"]);
    warns(&item("<link>HTTPS://Example.org:443/a/../b</link>"), &["non-canonical-url"]);
    warns(&item("<description>\u{92}</description>"), &["bad-character"]);
    warns(&item("<description>&#xFFFD;</description>"), &["bad-character"]);
}

#[test]
fn rss_modules() {
    let sy = |inside: &str| {
        rss(inside, "").replace("<rss ", "<rss xmlns:sy='http://purl.org/rss/1.0/modules/syndication/' ")
    };
    warns(&sy("<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>1</sy:updateFrequency>"), &[]);
    errs(
        &sy("<sy:updatePeriod>often</sy:updatePeriod><sy:updateFrequency>0</sy:updateFrequency>"),
        &["invalid-value", "invalid-number"],
    );
    warns(&sy("<sy:updateBase>1970-01-01T00:00:00Z</sy:updateBase>"), &["implausible-date"]);
    warns(&item("<dc:date>2026-01</dc:date>"), &[]);
    errs(&item("<dc:date>2026-13</dc:date>"), &["invalid-date"]);
}

#[test]
fn rss_titles_are_plain_text() {
    let title = |title: &str| item("").replace("<title>A</title>", &format!("<title>{title}</title>"));
    warns(&title("a &lt;b>bold&lt;/b> word"), &["html-in-text"]);
    warns(&title("<![CDATA[R&amp;D]]>"), &["html-in-text"]);
    warns(&title("&amp;#8217;"), &["html-in-text"]);
    warns(&title("the &#x3C;b> element and R&#x26;amp;D"), &[]);
    warns(&title("AT&amp;T, 1 &lt; 2"), &[]);
    warns(&title(""), &["blank"]);
    errs(&title("<b>x</b>"), &["unknown-element"]);
}

#[test]
fn rss_dates() {
    let date = |date: &str| item(&format!("<pubDate>{date}</pubDate>"));
    for sound in ["Fri, 02 Jan 2026 03:04:05 GMT", "2 Jan 2026 03:04 +0500", "Wed, 31 Dec 1975 23:59:60 EST"] {
        warns(&date(sound), &[]);
    }
    for bad in [
        "2026-01-02T03:04:05Z",
        "Fri, 02 Jan 2026 03:04:05 UTC",
        "Fri, 02 January 2026 03:04:05 GMT",
        "Fri, 30 Feb 2026 03:04:05 GMT",
        "Fri, 02 Jan 2026 25:04:05 GMT",
        "Fri, 02 Jan 2026 03:04:05 +9999",
        "Fri, 02 Jan 2026",
        "",
        "yesterday",
    ] {
        errs(&date(bad), &["invalid-date"]);
    }
    errs(&date("Mon, 02 Jan 2026 03:04:05 GMT"), &["wrong-weekday"]);
    warns(&date("Fri, 02 Jan 26 03:04:05 GMT"), &["two-digit-year"]);
    warns(&date("Fri,  02 jan 2026 03:04:05 GMT"), &["loose-date"]);
    warns(&date("Fri, 02 Jan 2026 03:04:05 A"), &["loose-date"]);
    warns(&date("Sat, 02 Jan 2044 03:04:05 GMT"), &["implausible-date"]);
    warns(&date("Wed, 31 Dec 1969 03:04:05 GMT"), &["implausible-date"]);
}

#[test]
fn content_is_looked_at_for_what_readers_leave_out() {
    let content = |html: &str| item(&format!("<description><![CDATA[{html}]]></description>"));
    warns(
        &content("<a href='/a'>x</a><img src=b.jpg><!-- <iframe> --><a href=mailto:x@y>"),
        &["relative-reference"; 2],
    );
    warns(&content("<img srcset='https://e.org/a 1x, /b 2x'>"), &["relative-reference"]);
    warns(&content("<p onclick='x()'>"), &["event-handler"]);
    warns(&content("<script>if (a<b) '<iframe>'</script>"), &["unsafe-element"]);
    warns(&content("<iframe src='https://e.org/'></iframe>"), &["iframe"]);
    warns(&content("<a href='java&#115;cript:alert(1)'>"), &["javascript-url"]);
    warns(&content("<a href='&Tab;java&NewLine;script&colon;alert(1)'>"), &["javascript-url"]);
    warns(&content("<p style='position: fixed'>"), &["dangerous-style"]);
    warns(&content("1 < 2 <3 <p class=x id = 'y' hidden =>< / p><br/>"), &[]);
    warns(&content("<a href='"), &["relative-reference"]);
}

#[test]
fn language_tags() {
    for (language, is_sound) in [
        ("en", true),
        ("en-GB", true),
        ("zh-Hant-TW", true),
        ("sl-rozaj-biske", true),
        ("de-CH-1996", true),
        ("ur-PK", true),
        ("en-x-house", true),
        ("x-house", true),
        ("i-klingon", true),
        ("es-419", true),
        ("en-a-bbb-x-c", true),
        ("pnb", true),
        ("", false),
        ("en-", false),
        ("en_GB", false),
        ("xx", false),
        ("e", false),
        ("en-a", false),
        ("en-x", false),
        ("urdu", false),
        ("en-GB-US", false),
        ("en GB", false),
    ] {
        let report = read(&rss(&format!("<language>{language}</language>"), ""));
        assert_eq!(report.is_valid(), is_sound, "{language}");
    }
}
