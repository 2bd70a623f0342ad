//! The `courant` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    courant::cli::main()
}
