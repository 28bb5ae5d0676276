//! Arguments that contradict each other, or would have no effect: refused before anything starts.

use super::args::{HammerArgs, Oracle};
use crate::cli::CliError;

/// Whether this build has the service, and with it the drivers of databases.
const HAS_SERVICE: bool = cfg!(feature = "serve");

/// Refuses arguments that would be ignored, and those that need another build.
pub(super) fn check(args: &HammerArgs) -> Result<(), CliError> {
    if !HAS_SERVICE {
        check_without_service(args)?;
    }
    let load = &args.load_args;
    // clap's `requires` is satisfied by the default value of a flag, so it cannot say these.
    let needs_load = [
        (load.connections.is_some(), "--connections"),
        (load.rate.is_some(), "--rate"),
        (load.replays.is_some(), "--replays"),
        (load.warmup.is_some(), "--warmup"),
        (!load.assert.is_empty(), "--assert"),
    ];
    let without_load = [
        (args.strict, "--strict"),
        (args.seed.is_some(), "--seed"),
        (!args.oracle.is_empty(), "--oracle"),
    ];
    let given = |flags: &[(bool, &'static str)]| {
        let found = flags.iter().find(|(given, _)| *given);
        found.map(|(_, name)| *name)
    };
    if !args.load
        && let Some(flag) = given(&needs_load)
    {
        return Err(format!("{flag} has no effect without --load").into());
    }
    if args.load
        && let Some(flag) = given(&without_load)
    {
        return Err(format!("{flag} has no effect with --load, which judges no answers").into());
    }
    if args.duration.is_some() && !args.soak && !args.load {
        return Err("--duration has no effect without --soak or --load".into());
    }
    if args.allow_remote && args.url.is_empty() {
        return Err("--allow-remote has no effect without --url".into());
    }
    let is_encrypted = args.url.iter().any(|url| url.starts_with("https://"));
    let for_tls = [
        (args.cacert.is_some(), "--cacert"),
        (args.insecure, "--insecure"),
    ];
    if let Some(flag) = given(&for_tls)
        && !is_encrypted
    {
        return Err(format!("{flag} has no effect without --url https://…").into());
    }
    let none = args
        .oracle
        .iter()
        .any(|oracle| matches!(oracle, Oracle::None));
    if none && args.oracle.len() > 1 {
        return Err("--oracle none contradicts another --oracle".into());
    }
    Ok(())
}

/// Refuses what needs the service or the drivers of databases.
fn check_without_service(args: &HammerArgs) -> Result<(), CliError> {
    const WHOLE: &str = "only the whole build of orders, with the feature `serve`, has";
    if args.url.is_empty() && args.spawn.is_none() {
        return Err(format!("{WHOLE} a service to start: pass --url or --spawn").into());
    }
    let reads_database =
        |oracle: &Oracle| matches!(oracle, Oracle::Read(choice) if choice.reads_database());
    if args.oracle.iter().any(reads_database) {
        return Err(
            format!("{WHOLE} the database drivers of --oracle db:URL: pass --oracle api").into(),
        );
    }
    Ok(())
}
