//! `courant validate`

use std::path::Path;

use url::Url;

use super::{Common, Failed, counted, print_json, private_network, work};
use crate::app::now;
use crate::fetch::Fetcher;
use crate::validate::{Context, Report, Severity, validate};

/// Read a feed document as a strict reader would
#[derive(clap::Args)]
pub(super) struct Validate {
    /// A file, an address, or - for standard input
    #[arg(value_name = "FILE|URL")]
    document: String,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
}

impl Validate {
    pub(super) async fn run(self, common: Common) -> Result<(), Failed> {
        let report = match Url::parse(&self.document) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => self.of_address(&url, &common).await?,
            _ => {
                let bytes =
                    read(&self.document).map_err(|error| Failed::Work(format!("{}: {error}", self.document)))?;
                validate(&bytes, &Context { content_type: None, url: None, now: now() })
            }
        };
        if self.json {
            print_json(&report)?;
        } else {
            self.show(&report);
        }
        if report.is_valid() { Ok(()) } else { Err(Failed::Told) }
    }

    async fn of_address(&self, url: &Url, common: &Common) -> Result<Report, Failed> {
        let mut allowed = common.config().map(|config| config.allow_private).unwrap_or_default();
        allowed.extend(private_network(url));
        let fetcher = Fetcher::new(&allowed).map_err(work)?;
        let answer = fetcher.get(url, &[]).await.and_then(crate::fetch::Answer::ok).map_err(work)?;
        let context =
            Context { content_type: answer.header("content-type"), url: Some(answer.url.as_str()), now: now() };
        Ok(validate(&answer.body, &context))
    }

    fn show(&self, report: &Report) {
        for finding in &report.findings {
            let severity = match finding.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            say!(
                "{}:{}:{}: {severity}: {} [{}]",
                self.document,
                finding.line,
                finding.column,
                finding.message,
                finding.rule
            );
        }
        let kind = report.kind.map_or_else(|| "no feed".to_owned(), |kind| kind.to_string());
        let verdict = if report.is_valid() { "valid" } else { "not valid" };
        say!(
            "{}: {kind}, {}: {verdict}, {}, {}",
            self.document,
            counted(report.entries, "entry"),
            counted(report.errors(), "error"),
            counted(report.warnings(), "warning")
        );
    }
}

fn read(document: &str) -> std::io::Result<Vec<u8>> {
    if document == "-" {
        use std::io::Read;
        let mut bytes = Vec::new();
        // One byte more than is judged, so that too much is noticed.
        std::io::stdin().take((50 << 20) + 1).read_to_end(&mut bytes)?;
        return Ok(bytes);
    }
    std::fs::read(Path::new(document))
}
