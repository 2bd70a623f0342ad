//! A file of the newsroom while it is read: every mistake in it is noted, none hides another.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::IntoDeserializer;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue, Error as TomlError};

use super::Mistake;
use super::keys::{Kind, LISTS};
use super::mistakes::{in_plain_words, missing_key};
use crate::article::spelling::nearest;

/// A file, and the mistakes that were found in it.
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) kind: Kind,
    pub(super) mistakes: Vec<Mistake>,
    /// What is no mistake, but can't be meant as things are.
    pub(super) doubts: Vec<Mistake>,
}

impl File {
    pub(super) fn open(path: &Path, kind: Kind) -> Result<Self, Box<Mistake>> {
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Self { path: path.to_owned(), text, kind, mistakes: Vec::new(), doubts: Vec::new() }),
            Err(error) => Err(Box::new(Mistake::new(path, "", None, format!("can't read the file: {error}")))),
        }
    }

    /// All mistakes and doubts, from top to bottom.
    pub(super) fn told(self) -> Vec<Mistake> {
        let mut told = [self.mistakes, self.doubts].concat();
        told.sort_by_key(|mistake| (mistake.line, mistake.column));
        told
    }

    pub(super) fn mistake(&mut self, span: Range<usize>, message: impl Into<String>, help: Option<String>) {
        let mut mistake = Mistake::new(&self.path, &self.text, Some(span), message);
        mistake.help = help;
        self.mistakes.push(mistake);
    }

    pub(super) fn doubt(&mut self, span: Range<usize>, message: impl Into<String>, help: &str) {
        self.doubts.push(Mistake::new(&self.path, &self.text, Some(span), message).help(help));
    }

    /// The file's table. `None` if it breaks TOML's own rules: what it means otherwise would be a guess.
    pub(super) fn table<'a>(&mut self, text: &'a str) -> Option<Spanned<DeTable<'a>>> {
        let (mut table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            self.toml_mistake(error, None, "");
        }
        one_is_a_list(table.get_mut());
        errors.is_empty().then_some(table)
    }

    /// What a table holds. Each mistake in it is noted and taken out, and the rest read again until nothing is wrong with it;
    /// `None` if then something is missing. `here`: what the table is called.
    pub(super) fn read_with<T>(
        &mut self,
        mut table: Spanned<DeTable<'_>>,
        here: &str,
        read: impl Fn(Spanned<DeTable<'_>>) -> Result<T, TomlError>,
    ) -> Option<T> {
        let mut taken: Vec<String> = Vec::new();
        loop {
            let error = match read(table.clone()) {
                Ok(read) => return Some(read),
                Err(error) => error,
            };
            let missing = error.message().strip_prefix("missing field ").map(|name| name.trim().trim_matches('`'));
            // What was taken out has been told, and what was meant by it is not missing.
            if missing.is_some_and(|missing| taken.iter().any(|key| key == missing || is_slip(key, missing))) {
                return None;
            }
            let span = error.span().filter(|_| missing.is_none());
            let found = span.and_then(|span| take_out(table.get_mut(), here, &span));
            let (inside, key) = found.clone().unzip();
            self.toml_mistake(&error, key.as_deref(), inside.as_deref().unwrap_or(here));
            taken.push(found?.1);
        }
    }

    /// The same for a type that says itself how it is read.
    pub(super) fn read<T: for<'de> Deserialize<'de>>(&mut self, table: Spanned<DeTable<'_>>, here: &str) -> Option<T> {
        self.read_with(table, here, |table| T::deserialize(table.into_deserializer()))
    }

    fn toml_mistake(&mut self, error: &TomlError, key: Option<&str>, here: &str) {
        let told = error.message().trim().replace('\n', "; ");
        let (message, help) = in_plain_words(self.kind, &told, key, here);
        self.mistake(error.span().unwrap_or_default(), message, help);
    }

    /// A value that must be there. What is there and wrong has been told already.
    pub(super) fn required<T>(&mut self, table: &DeTable<'_>, key: &str, value: Option<T>) -> Option<T> {
        let is_meant = |there: &str| there == key || (self.kind.takes(there).is_none() && is_slip(there, key));
        if value.is_none() && !table.keys().any(|there| is_meant(there.get_ref())) {
            let (message, help) = missing_key(self.kind, key);
            self.mistake(0..0, message, help);
        }
        value
    }
}

/// Whether an unknown key may be meant as this one.
fn is_slip(unknown: &str, key: &str) -> bool {
    nearest(unknown, [key]).is_some()
}

/// Takes out of a table what a mistake points at: a key with its value, or one of a list. Tells the
/// table, which is `here` or one inside it, and the key.
fn take_out(table: &mut DeTable<'_>, here: &str, span: &Range<usize>) -> Option<(String, String)> {
    let holds = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
    for (key, value) in table.iter_mut() {
        let name = key.get_ref().to_string();
        let is_whole = value.span() == *span;
        match value.get_mut() {
            // The span of a table may be that of its head alone.
            DeValue::Table(inner) if !is_whole => {
                if let Some(found) = take_out(inner, &name, span) {
                    return Some(found);
                }
            }
            DeValue::Array(list) if !is_whole => {
                if let Some(at) = list.iter().position(|one| holds(one.span())) {
                    let rest = std::mem::replace(list, DeArray::new()).into_iter().enumerate();
                    rest.filter(|(other, _)| *other != at).for_each(|(_, one)| list.push(one));
                    return Some((here.to_owned(), name));
                }
            }
            _ => {}
        }
    }
    let key = table.iter().find(|(key, value)| holds(key.span()) || holds(value.span())).map(|(key, _)| key.clone())?;
    table.remove(&key);
    Some((here.to_owned(), key.into_inner().into_owned()))
}

/// Makes a list of a single text where a list is meant.
fn one_is_a_list(table: &mut DeTable<'_>) {
    for (key, value) in table.iter_mut() {
        let span = value.span();
        match value.get_mut() {
            DeValue::Table(inner) => one_is_a_list(inner),
            DeValue::String(_) if LISTS.contains(&key.get_ref().as_ref()) => {
                let mut list = DeArray::new();
                list.push(std::mem::replace(value, Spanned::new(span.clone(), DeValue::Boolean(false))));
                *value = Spanned::new(span, DeValue::Array(list));
            }
            _ => {}
        }
    }
}
