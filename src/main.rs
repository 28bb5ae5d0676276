//! The `orders` binary: parse, run, report, exit.

use std::io;
use std::process::ExitCode;

use tokio::runtime::Runtime;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> io::Result<ExitCode> {
    let runtime = Runtime::new()?;
    let status = runtime.block_on(orders::cli::main());
    // Do not wait for blocking tasks: one that hangs on a disk would keep the process alive.
    runtime.shutdown_background();
    Ok(status)
}
