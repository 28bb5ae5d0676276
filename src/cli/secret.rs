//! Keeps secrets out of the list of processes.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

/// The program could not be run again.
#[derive(Debug, thiserror::Error)]
#[error("cannot hide the value of {flag} from the list of processes: set {variable} instead")]
pub(super) struct HideError {
    flag: &'static str,
    variable: &'static str,
    source: io::Error,
}

/// Runs the program again, in the same process, if `flag` is among its arguments: without it, and
/// with its value in the variable. Every user of a machine can read arguments, variables only the
/// user of the process.
pub(super) fn hide(flag: &'static str, variable: &'static str) -> Result<(), HideError> {
    let mut arguments = env::args_os();
    let name = arguments.next().unwrap_or_default();
    let (rest, value) = without(flag, arguments);
    let Some(value) = value else {
        return Ok(());
    };
    let failed = |source| HideError {
        flag,
        variable,
        source,
    };
    let program = env::current_exe().map_err(failed)?;
    let mut again = Command::new(program);
    again.arg0(name).args(rest).env(variable, value);
    Err(failed(again.exec()))
}

/// The arguments without a flag, and the last value of it.
fn without(
    flag: &str,
    mut arguments: impl Iterator<Item = OsString>,
) -> (Vec<OsString>, Option<OsString>) {
    let (mut rest, mut value) = (Vec::new(), None);
    while let Some(argument) = arguments.next() {
        let bytes = argument.as_bytes();
        if bytes == b"--" {
            rest.push(argument);
            rest.extend(arguments.by_ref());
        } else if bytes == flag.as_bytes() {
            value = arguments.next();
        } else if let Some(after) = bytes
            .strip_prefix(flag.as_bytes())
            .and_then(|after| after.strip_prefix(b"="))
        {
            value = Some(OsStr::from_bytes(after).to_owned());
        } else {
            rest.push(argument);
        }
    }
    (rest, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_taken_out_with_its_value() {
        for (line, rest, value) in [
            ("place --item a", "place --item a", None),
            ("place --token t --item a", "place --item a", Some("t")),
            ("place --item a --token=t", "place --item a", Some("t")),
            ("--token a --token b", "", Some("b")),
            ("--tokens t -- --token t", "--tokens t -- --token t", None),
        ] {
            let (kept, found) = without("--token", line.split(' ').map(OsString::from));
            assert_eq!(kept.join(OsStr::new(" ")), rest, "{line}");
            assert_eq!(found.as_deref(), value.map(OsStr::new), "{line}");
        }
    }
}
