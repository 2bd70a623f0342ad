//! What has been found so far: bounded, and turned into lines and columns in one walk at the end.

use super::{Context, Finding, Severity};

/// More findings than anybody reads; what comes after is only counted.
const MOST: usize = 1000;

struct Found {
    at: usize,
    severity: Severity,
    rule: &'static str,
    message: String,
}

/// Collects findings at byte offsets of the decoded text.
pub(super) struct Findings<'c> {
    /// What the checks know besides the document.
    pub(super) context: &'c Context<'c>,
    found: Vec<Found>,
    untold_errors: usize,
    untold_warnings: usize,
}

impl<'c> Findings<'c> {
    pub(super) fn new(context: &'c Context<'c>) -> Self {
        Findings { context, found: Vec::new(), untold_errors: 0, untold_warnings: 0 }
    }

    pub(super) fn error(&mut self, at: usize, rule: &'static str, message: impl Into<String>) {
        self.add(at, Severity::Error, rule, message.into());
    }

    pub(super) fn warning(&mut self, at: usize, rule: &'static str, message: impl Into<String>) {
        self.add(at, Severity::Warning, rule, message.into());
    }

    pub(super) fn add(&mut self, at: usize, severity: Severity, rule: &'static str, message: String) {
        if self.found.len() < MOST {
            self.found.push(Found { at, severity, rule, message });
            return;
        }
        match severity {
            Severity::Error => self.untold_errors += 1,
            Severity::Warning => self.untold_warnings += 1,
        }
    }

    /// The findings by position, with lines and columns in `text`.
    ///
    /// One walk over the text serves them all: counting from the start for each would be quadratic
    /// in a document that is one long line.
    pub(super) fn told(mut self, text: &str) -> Vec<Finding> {
        self.found.sort_by_key(|found| found.at);
        let mut told = Vec::with_capacity(self.found.len() + 1);
        let mut characters = text.char_indices().peekable();
        let (mut line, mut column) = (1, 1);
        for Found { at, severity, rule, message } in self.found {
            while let Some((_, character)) = characters.next_if(|(offset, _)| *offset < at) {
                match character {
                    '\n' => (line, column) = (line + 1, 1),
                    _ => column += 1,
                }
            }
            told.push(Finding { severity, rule, line, column, message });
        }
        let (errors, warnings) = (self.untold_errors, self.untold_warnings);
        if errors + warnings > 0 {
            // An untold error must still make the document invalid.
            let severity = if errors > 0 { Severity::Error } else { Severity::Warning };
            let message = format!("{errors} more errors and {warnings} more warnings are not listed");
            told.push(Finding { severity, rule: "too-many-findings", line, column, message });
        }
        told
    }
}
