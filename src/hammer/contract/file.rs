//! Reads a contract from a file, and says what is wrong with it and where.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use toml::de::{DeTable, DeValue};

use super::{Contract, rules};

/// Why a contract cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// The file cannot be read.
    #[error("cannot read the contract {path}")]
    Read {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// It breaks a rule of the format.
    #[error("{path}: {mistake}")]
    Wrong {
        /// The path of the file.
        path: PathBuf,
        /// What is wrong, and where.
        mistake: Mistake,
    },
}

/// A broken rule of the format, with the line and the member that breaks it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {}{rule}", place(member))]
pub struct Mistake {
    line: usize,
    /// Its path, such as `response.fresh`; empty if the file is not TOML.
    member: String,
    rule: String,
}

impl Contract {
    /// Reads a contract from a TOML file.
    pub fn read(path: &Path) -> Result<Self, ContractError> {
        let text = std::fs::read_to_string(path).map_err(|source| ContractError::Read {
            path: path.to_owned(),
            source,
        })?;
        text.parse().map_err(|mistake| ContractError::Wrong {
            path: path.to_owned(),
            mistake,
        })
    }
}

impl FromStr for Contract {
    type Err = Mistake;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let contract: Self = toml::from_str(text).map_err(|error| mistake(text, error))?;
        match rules::broken(&contract) {
            None => Ok(contract),
            Some((member, rule)) => Err(Mistake {
                line: line_of(text, &member),
                member: member.join("."),
                rule,
            }),
        }
    }
}

/// Translates an error of the parser.
fn mistake(text: &str, mut error: toml::de::Error) -> Mistake {
    let start = error.span().map_or(0, |span| span.start);
    // Without its input, the error prints its message and the path of the member.
    error.set_input(None);
    let printed = error.to_string();
    let (_, path) = printed.split_once("\nin `").unwrap_or_default();
    let mut member = path.trim_end().trim_end_matches('`').to_owned();
    // An unknown member is named in the message only.
    if let Some(rest) = error.message().strip_prefix("unknown field `")
        && let Some((name, _)) = rest.split_once('`')
    {
        let table = if member.is_empty() { "" } else { "." };
        member = format!("{member}{table}{name}");
    }
    Mistake {
        line: line_at(text, start),
        member,
        rule: error.message().to_owned(),
    }
}

/// The number of the line at a position, from 1.
fn line_at(text: &str, position: usize) -> usize {
    let before = text.bytes().take(position);
    1 + before.filter(|byte| *byte == b'\n').count()
}

/// The line of a member, or of the nearest table around it that is in the text.
fn line_of(text: &str, member: &[&str]) -> usize {
    let mut position = 0;
    let Ok(document) = DeTable::parse(text) else {
        return 1;
    };
    let mut table = Some(document.get_ref());
    for name in member {
        let entry = table.and_then(|table| table.iter().find(|(key, _)| key.get_ref() == name));
        let Some((key, value)) = entry else { break };
        position = key.span().start;
        table = match value.get_ref() {
            DeValue::Table(table) => Some(table),
            _ => None,
        };
    }
    line_at(text, position)
}

fn place(member: &str) -> String {
    if member.is_empty() {
        String::new()
    } else {
        format!("{member}: ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with these lines after a valid `[request]` of two lines.
    fn wrong(lines: &str) -> String {
        let text = format!("[request]\nbody = '{{\"a\":\"{{{{marker}}}}\"}}'\n{lines}");
        text.parse::<Contract>().expect_err(lines).to_string()
    }

    #[test]
    fn a_mistake_has_a_line_a_member_and_a_rule() {
        for (lines, expected) in [
            (
                "paht = '/x'",
                "line 3: request.paht: unknown field `paht`, expected one of",
            ),
            (
                "[respnse]",
                "line 3: respnse: unknown field `respnse`, expected one of",
            ),
            (
                "[response.echo]\nnumbr = '/x'",
                "line 4: response.echo.numbr: unknown field",
            ),
            (
                "method = 'GET'",
                "line 3: request.method: unknown variant `GET`, expected one of",
            ),
            (
                "path = 'orders'",
                "line 3: request.path: expected a path that begins with /",
            ),
            ("headers = { Host = 'x' }", "line 3: request.headers: "),
            (
                "key_header = 'a b'",
                "line 3: request.key_header: expected the name of a header",
            ),
            (
                "[response]\n\nfresh = [404]",
                "line 5: response.fresh: expected statuses from 200 to 299, not 404",
            ),
            (
                "[response]\nfresh = []",
                "line 4: response.fresh: expected at least one status",
            ),
            (
                "[response]\nmismatch = [200]",
                "line 4: response.mismatch: ",
            ),
            (
                "[response]\nreplay = '200'",
                "line 4: response.replay: invalid type",
            ),
            (
                "[response]\necho.number = 'x'",
                "line 4: response.echo.number: expected a JSON pointer",
            ),
            (
                "[response]\nreplayed_header = 'x'",
                "line 4: response.replayed_header: expected a header line",
            ),
            (
                "[stored]\nid = '/id'",
                "line 3: stored: expected list, sql or both",
            ),
            (
                "[stored]\nlist = '/x'\nmarker = '/a'\ncursor = 'c'",
                "line 6: stored.cursor: cursor needs next",
            ),
            (
                "[stored]\nsql = 'DROP TABLE x'",
                "line 4: stored.sql: expected one SELECT",
            ),
            ("a = = 1", "line 3: "),
        ] {
            let said = wrong(lines);
            assert!(said.starts_with(expected), "{lines}\n{said}\n{expected}");
        }
        let body = "[request]\n\nbody = '{\"a\": 1}'"
            .parse::<Contract>()
            .unwrap_err();
        assert!(
            body.to_string()
                .starts_with("line 3: request.body: expected {{marker}}"),
            "{body}"
        );
        let body = "[request]\nbody = '{{marker}}'"
            .parse::<Contract>()
            .unwrap_err();
        assert!(
            body.to_string()
                .starts_with("line 2: request.body: expected JSON"),
            "{body}"
        );
    }
}
