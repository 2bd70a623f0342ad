//! The `courant` command.

use std::process::ExitCode;

/// The system's allocator keeps what a burst of rendering has freed; this one gives it back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    courant::cli::main()
}
