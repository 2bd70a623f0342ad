//! Mistakes in the newsroom's files, told like a compiler does.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

use super::keys::{Kind, SOURCE, SOURCE_KEYS};
use crate::article::spelling::nearest;

/// One mistake.
#[derive(Debug, Clone, Serialize)]
pub struct Mistake {
    /// The file that it is in.
    pub file: PathBuf,
    /// 1-based; the first line where the whole file is meant.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    #[serde(skip)]
    text: String,
    #[serde(skip)]
    span: Range<usize>,
}

impl Mistake {
    /// A mistake at `span` (bytes) of a file's `text`; without a span, the whole file is meant.
    pub(super) fn new(file: &Path, text: &str, span: Option<Range<usize>>, message: impl Into<String>) -> Self {
        let span = span.filter(|span| text.get(span.clone()).is_some()).unwrap_or(0..0);
        let before = &text[..span.start];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
            help: None,
            text: text.to_owned(),
            // A table's span reaches over all its lines: its first line is where to look.
            span: span.start..text[span.clone()].find('\n').map_or(span.end, |at| span.start + at),
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The mistake on one line: `file:line:column: message`.
    pub fn line(&self) -> String {
        let help = self.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        format!("{}:{}:{}: {}{help}", self.file.display(), self.line, self.column, self.message)
    }

    /// The mistake with its place in the file, for a terminal.
    pub fn drawn(&self, coloured: bool) -> String {
        let path = self.file.display().to_string();
        let snippet =
            Snippet::source(&self.text).path(&path).annotation(AnnotationKind::Primary.span(self.span.clone()));
        let mut group = Level::ERROR.primary_title(&self.message).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group])
    }
}

/// What serde says of a value, in the words of an editor, and what may help. `key`: the key whose value it is; `here`: the table.
pub(super) fn in_plain_words(kind: Kind, told: &str, key: Option<&str>, here: &str) -> (String, Option<String>) {
    let takes = key.and_then(|key| Some(format!("`{key}` is {}", kind.takes(key)?)));
    if let Some((unknown, mut known)) = unknown(told, "unknown field `") {
        if here == SOURCE {
            known.extend(SOURCE_KEYS);
        }
        let plural = known.iter().find(|word| word.strip_suffix('s') == Some(unknown)).map(|word| did_you_mean(word));
        let help = plural.or_else(|| kind.home_of(unknown, here)).unwrap_or_else(|| suggestion(unknown, &known));
        return (format!("unknown key `{unknown}`"), Some(help));
    }
    if let Some((unknown, known)) = unknown(told, "unknown variant `") {
        return (takes.unwrap_or_else(|| told.to_owned()), nearest(unknown, known).map(did_you_mean));
    }
    if ["invalid ", "wanted "].iter().any(|begin| told.starts_with(begin)) {
        return (takes.unwrap_or_else(|| told.to_owned()), None);
    }
    if let Some((missing, _)) = unknown(told, "missing field `") {
        return missing_key(kind, missing);
    }
    (told.to_owned(), None)
}

pub(super) fn missing_key(kind: Kind, key: &str) -> (String, Option<String>) {
    (format!("missing key `{key}`"), kind.takes(key).map(|takes| format!("it is {takes}")))
}

/// The unknown word that serde tells of, and the words that would have been known.
fn unknown<'a>(told: &'a str, begin: &str) -> Option<(&'a str, Vec<&'a str>)> {
    let (unknown, rest) = told.strip_prefix(begin)?.split_once('`')?;
    Some((unknown, rest.split('`').skip(1).step_by(2).collect()))
}

fn did_you_mean(word: &str) -> String {
    format!("did you mean `{word}`?")
}

/// A line that helps from `unknown` to one of `known`.
pub(super) fn suggestion(unknown: &str, known: &[&str]) -> String {
    match nearest(unknown, known.iter().copied()) {
        Some(word) => did_you_mean(word),
        None if known.is_empty() => "none is known here".to_owned(),
        None => format!("known here: {}", known.join(", ")),
    }
}

/// All mistakes of a newsroom.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    /// One line a mistake.
    pub fn lines(&self) -> String {
        self.0.iter().map(Mistake::line).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines())
    }
}

impl std::error::Error for Mistakes {}
