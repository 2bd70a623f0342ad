//! Mistakes in the newsroom's files, told like a compiler does.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use serde::Serialize;

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
        let span = span.filter(|span| span.end <= text.len() && text.is_char_boundary(span.start)).unwrap_or(0..0);
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

    /// What serde says of a value, in the words of an editor.
    pub(super) fn from_toml(file: &Path, text: &str, error: &toml::de::Error) -> Self {
        let message = error.message().trim().replace('\n', "; ");
        let help = nearest_known(&message);
        let message = match message.split_once(", expected one of ").or_else(|| message.split_once(", expected `")) {
            Some((told, _)) if help.is_some() => told.replace("unknown field", "unknown key"),
            _ => message.replace("unknown field", "unknown key").replace("missing field", "missing key"),
        };
        let mistake = Self::new(file, text, error.span(), message);
        Self { help, ..mistake }
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

/// "did you mean": the known key or word that is nearest to the unknown one.
fn nearest_known(message: &str) -> Option<String> {
    let unknown = message.strip_prefix("unknown field `").or_else(|| message.strip_prefix("unknown variant `"))?;
    let (unknown, rest) = unknown.split_once('`')?;
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    Some(suggestion(unknown, &known))
}

/// A line that helps from `unknown` to one of `known`.
pub(super) fn suggestion(unknown: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|word| (strsim::damerau_levenshtein(unknown, word), word)).min();
    match nearest {
        Some((distance, word)) if distance <= unknown.len().div_ceil(2).max(2) => format!("did you mean `{word}`?"),
        Some(_) => format!("known here: {}", known.join(", ")),
        None => "none is known here".to_owned(),
    }
}

/// All mistakes of a newsroom.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(transparent)]
pub struct Mistakes(pub Vec<Mistake>);

impl Mistakes {
    /// One line a mistake: `file:line:column: message`.
    pub fn lines(&self) -> String {
        let line = |mistake: &Mistake| {
            let help = mistake.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{}:{}:{}: {}{help}", mistake.file.display(), mistake.line, mistake.column, mistake.message)
        };
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.lines())
    }
}

impl std::error::Error for Mistakes {}
