//! The language of an article: what its source says, else what its text shows, else the newsroom's.

use whatlang::Lang;

use crate::article::language::is_language_tag;

/// Characters that are looked at; more makes no surer.
const SAMPLE: usize = 600;

/// Fewer letters than this fool every detector.
const ENOUGH: usize = 40;

/// The language of an article, as a BCP 47 tag.
pub(super) fn of(stated: Option<&str>, title: &str, plain: &str, house: &str) -> String {
    if let Some(tag) = stated.map(str::trim).filter(|tag| is_language_tag(tag)) {
        return tag.to_owned();
    }
    let sample: String = title.chars().chain([' ']).chain(plain.chars()).take(SAMPLE).collect();
    if sample.chars().filter(|c| c.is_alphabetic()).count() < ENOUGH {
        return house.to_owned();
    }
    let seen = whatlang::detect(&sample).filter(whatlang::Info::is_reliable).and_then(|info| tag(info.lang()));
    match seen {
        // The newsroom knows its own country.
        Some(tag) if house.split('-').next() != Some(tag) => tag.to_owned(),
        _ => house.to_owned(),
    }
}

/// The two-letter code of a language that can be told from its text.
fn tag(language: Lang) -> Option<&'static str> {
    Some(match language {
        Lang::Ara => "ar",
        Lang::Ben => "bn",
        Lang::Cmn => "zh",
        Lang::Deu => "de",
        Lang::Ell => "el",
        Lang::Eng => "en",
        Lang::Fra => "fr",
        Lang::Guj => "gu",
        Lang::Heb => "he",
        Lang::Hin => "hi",
        Lang::Ind => "id",
        Lang::Ita => "it",
        Lang::Jpn => "ja",
        Lang::Kan => "kn",
        Lang::Kor => "ko",
        Lang::Mal => "ml",
        Lang::Mar => "mr",
        Lang::Nep => "ne",
        Lang::Nld => "nl",
        Lang::Ori => "or",
        Lang::Pan => "pa",
        Lang::Pes => "fa",
        Lang::Pol => "pl",
        Lang::Por => "pt",
        Lang::Ron => "ro",
        Lang::Rus => "ru",
        Lang::Sin => "si",
        Lang::Spa => "es",
        Lang::Swe => "sv",
        Lang::Tam => "ta",
        Lang::Tel => "te",
        Lang::Tha => "th",
        Lang::Tur => "tr",
        Lang::Ukr => "uk",
        Lang::Urd => "ur",
        Lang::Vie => "vi",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urdu_in_an_english_paper_is_told_by_its_text() {
        let urdu = "پاکستان کے مختلف شہروں میں آج شدید بارش ہوئی جس کے بعد سڑکوں پر پانی جمع ہو گیا اور ٹریفک کی روانی متاثر ہوئی۔";
        assert_eq!(of(None, "بارش", urdu, "en-PK"), "ur");
        assert_eq!(of(Some("ur-PK"), "", "", "en"), "ur-PK");
        assert_eq!(of(Some("nonsense tag"), "Rain", "wet", "en-PK"), "en-PK");
    }
}
