//! The `courant` command.

use std::process::ExitCode;

/// The system's allocator keeps what a burst of rendering has freed; this one gives it back.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// It does so after a second, in the background, and from few arenas, so that a burst of publishing leaves nothing behind.
/// jemalloc looks for this name (its TUNING.md).
#[unsafe(export_name = "_rjem_malloc_conf")]
pub static MALLOC_CONF: &[u8; 53] = b"background_thread:true,narenas:2,dirty_decay_ms:1000\0";

fn main() -> ExitCode {
    courant::cli::main()
}
