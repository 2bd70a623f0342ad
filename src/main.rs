//! The `courant` command.

use std::process::ExitCode;

/// The system's allocator keeps what a burst of rendering has freed; this one gives it back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Gives it back after a second, not after ten, so that a burst of publishing peaks lower. jemalloc looks for
/// this name (its TUNING.md).
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static MALLOC_CONF: &[u8; 37] = b"dirty_decay_ms:1000,muzzy_decay_ms:0\0";

fn main() -> ExitCode {
    courant::cli::main()
}
