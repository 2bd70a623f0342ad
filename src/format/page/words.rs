//! The handful of words that the pages themselves say, in English and in Urdu.

/// One language's words. A page in a third language says them in English, and marks them as such with `mark`.
pub(super) struct Words {
    /// Attributes for an element that holds these words; the only text that templates write unescaped.
    pub mark: &'static str,
    pub months: [&'static str; 12],
    pub comma: &'static str,
    pub skip: &'static str,
    pub feeds: &'static str,
    pub all_feeds: &'static str,
    pub website: &'static str,
    pub choose: &'static str,
    pub opml: &'static str,
    pub no_feeds: &'static str,
    pub subscribe: &'static str,
    pub reader: &'static str,
    /// For RSS, Atom and JSON Feed.
    pub hints: [&'static str; 3],
    pub programs: &'static str,
    pub latest: &'static str,
    pub no_articles: &'static str,
    pub untitled: &'static str,
    pub updated: &'static str,
    pub times: &'static str,
    pub contact: &'static str,
}

impl Words {
    /// The words for a page in `language`.
    pub fn of(language: &str) -> &'static Self {
        let first = language.split(['-', '_']).next().unwrap_or_default();
        if first.eq_ignore_ascii_case("ur") { &URDU } else { &ENGLISH }
    }
}

static ENGLISH: Words = Words {
    mark: r#"lang="en" dir="ltr""#,
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    comma: ", ",
    skip: "Skip to the content",
    feeds: "Feeds",
    all_feeds: "All feeds",
    website: "Website",
    choose: "A feed brings new articles to you. Open one to see what is in it, or give its address to your feed reader: \
             an app that gathers what is new on the sites that you choose.",
    opml: "All feeds in one file for your feed reader (OPML)",
    no_feeds: "There are no feeds here yet.",
    subscribe: "How to subscribe",
    reader: "A feed reader is an app that gathers what is new on the sites that you choose. Give it any one of these \
             addresses:",
    hints: [
        "Every feed reader understands it. If in doubt, take this one.",
        "A stricter standard that nearly every reader understands.",
        "The same in JSON, for newer apps and for programmers.",
    ],
    programs: "For programs: every change is pushed at once through WebSub. The hub:",
    latest: "Latest articles",
    no_articles: "Nothing has been published here yet. Subscribe now, and the first article will come to you by itself.",
    untitled: "Untitled",
    updated: "Updated",
    times: "Times are those of",
    contact: "Contact",
};

static URDU: Words = Words {
    mark: r#"lang="ur" dir="rtl""#,
    months: ["جنوری", "فروری", "مارچ", "اپریل", "مئی", "جون", "جولائی", "اگست", "ستمبر", "اکتوبر", "نومبر", "دسمبر"],
    comma: "، ",
    skip: "براہِ راست مواد پر جائیے",
    feeds: "فیڈز",
    all_feeds: "تمام فیڈز",
    website: "ویب سائٹ",
    choose: "فیڈ کے ذریعے نئے مضامین خود آپ تک پہنچتے ہیں۔ کسی فیڈ کو کھول کر دیکھیے کہ اس میں کیا ہے، یا اس کا پتا اپنے فیڈ ریڈر \
             میں درج کر دیجیے، یعنی اُس ایپ میں جو آپ کی پسندیدہ ویب سائٹس کی تازہ تحریریں ایک جگہ جمع کرتی ہے۔",
    opml: "تمام فیڈز ایک ہی فائل میں، فیڈ ریڈر کے لیے (OPML)",
    no_feeds: "یہاں ابھی کوئی فیڈ موجود نہیں۔",
    subscribe: "سبسکرائب کرنے کا طریقہ",
    reader: "فیڈ ریڈر وہ ایپ ہے جو آپ کی پسندیدہ ویب سائٹس کی تازہ تحریریں ایک جگہ جمع کر دیتی ہے۔ ان میں سے کوئی ایک پتا اس میں \
             درج کر دیجیے:",
    hints: [
        "ہر فیڈ ریڈر اسے سمجھتا ہے۔ فیصلہ نہ ہو پائے تو یہی چنیے۔",
        "نسبتاً باضابطہ معیار، جسے تقریباً ہر ریڈر سمجھتا ہے۔",
        "یہی فیڈ JSON میں، نئی ایپس اور پروگرامروں کے لیے۔",
    ],
    programs: "پروگراموں کے لیے: ہر تبدیلی WebSub کے ذریعے فوراً بھیج دی جاتی ہے۔ ہب کا پتا:",
    latest: "تازہ ترین مضامین",
    no_articles: "یہاں ابھی کوئی مضمون شائع نہیں ہوا۔ ابھی سبسکرائب کر لیجیے، پہلا مضمون شائع ہوتے ہی خود آپ تک پہنچ جائے گا۔",
    untitled: "بلا عنوان",
    updated: "آخری تبدیلی:",
    times: "تمام اوقات اس منطقۂ وقت کے مطابق ہیں:",
    contact: "رابطہ",
};
