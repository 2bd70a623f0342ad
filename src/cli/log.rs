//! The log, on standard error.

use tracing_subscriber::EnvFilter;

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What `serve` logs. Connections that end are told by what then fails.
const SERVE: &str =
    "info,actix_server=warn,actix_http=off,sqlx=warn,sqlx::postgres::notice=off,sqlx::pool=off,sqlx_core::pool=off";

/// Starts logging. A command other than `serve` tells its results itself, so only errors are logged.
pub(super) fn start(filter: Option<&str>, format: Format, is_serve: bool) -> Result<(), String> {
    let filter = filter.unwrap_or(if is_serve { SERVE } else { "error" });
    let filter =
        EnvFilter::try_new(filter).map_err(|error| format!("the log filter `{filter}` can't be read: {error}"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match format {
        Format::Text => {
            use std::io::IsTerminal;
            log.with_ansi(std::io::stderr().is_terminal()).init();
        }
        Format::Json => log.json().init(),
    }
    Ok(())
}
