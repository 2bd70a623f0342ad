//! Misspelt words: the known word that was meant.

/// The known word that is nearest to an unknown one, if it is near enough to have been meant.
pub fn nearest<'a>(unknown: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let unknown = unknown.to_lowercase();
    let far = unknown.chars().count().div_ceil(2).max(2);
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&unknown, word), word))
        .min()
        .filter(|(distance, _)| *distance <= far)
        .map(|(_, word)| word)
}
