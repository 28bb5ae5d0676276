//! The `orders` binary: parse, run, report, exit.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    orders::cli::main().await
}
