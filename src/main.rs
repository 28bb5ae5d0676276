//! The `orders` binary: parse, run, report, exit.

use std::io;
use std::process::ExitCode;

use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> io::Result<ExitCode> {
    let runtime = Runtime::new()?;
    let status = runtime.block_on(orders::cli::main());
    // A disk that does not answer must not keep the program: whatever could be waited for has been.
    runtime.shutdown_background();
    Ok(status)
}
