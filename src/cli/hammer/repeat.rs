//! The command that repeats a run.

/// Stands for a value that is not repeated, because it may hold credentials.
const HIDDEN: &str = "…";

/// Builds the command from the arguments of this process and the seed.
pub(super) fn command(arguments: impl IntoIterator<Item = String>, seed: u64) -> String {
    let mut words = vec!["orders".to_owned()];
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        // A flag and its value are one argument or two.
        let (flag, value) = match argument.split_once('=') {
            Some((flag, value)) if flag.starts_with("--") => (flag, Some(value.to_owned())),
            _ => (argument.as_str(), None),
        };
        match flag {
            "--seed" => {
                value.or_else(|| arguments.next());
            }
            "--header" | "--database-url" => {
                words.push(flag.to_owned());
                words.extend(
                    value
                        .or_else(|| arguments.next())
                        .map(|_| HIDDEN.to_owned()),
                );
            }
            "--oracle" => {
                words.push(flag.to_owned());
                words.extend(value.or_else(|| arguments.next()).map(oracle));
            }
            "--spawn" => {
                words.push(flag.to_owned());
                let spawned = value.or_else(|| arguments.next());
                words.extend(spawned.map(|text| without_passwords(&text)));
            }
            _ => words.push(argument),
        }
    }
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("{} --seed {seed}", words.join(" "))
}

/// Quotes a word for a shell, if it needs that.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_=./:,@%+…".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Hides the credentials of the URLs in a command.
fn without_passwords(command: &str) -> String {
    let mut pieces = command.split("://");
    let mut shown = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let end = piece.find(|c: char| c.is_whitespace() || "/'\"".contains(c));
        let (authority, _) = piece.split_at(end.unwrap_or(piece.len()));
        let hidden = authority.rfind('@');
        shown.push_str("://");
        shown.push_str(hidden.map_or("", |_| HIDDEN));
        shown.push_str(&piece[hidden.unwrap_or(0)..]);
    }
    shown
}

fn oracle(value: String) -> String {
    if value.starts_with("db:") {
        format!("db:{HIDDEN}")
    } else {
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(arguments: &str) -> String {
        command(arguments.split(' ').map(str::to_owned), 7)
    }

    #[test]
    fn flags_are_kept_and_the_seed_is_added() {
        assert_eq!(
            repeated("hammer --quick --scenario=pair --report out"),
            "orders hammer --quick --scenario=pair --report out --seed 7"
        );
        assert_eq!(
            repeated("hammer --seed 1 --strict"),
            "orders hammer --strict --seed 7"
        );
        assert_eq!(
            repeated("hammer --seed=1 --strict"),
            "orders hammer --strict --seed 7"
        );
    }

    #[test]
    fn a_command_is_one_word_without_passwords() {
        let spawn = "DB=postgres://u:p@h/d node server.js http://x/@";
        let arguments = ["hammer", "--spawn", spawn, "--quick"].map(str::to_owned);
        assert_eq!(
            command(arguments, 7),
            "orders hammer --spawn 'DB=postgres://…@h/d node server.js http://x/@' --quick --seed 7"
        );
    }

    #[test]
    fn credentials_are_hidden_and_their_flags_kept() {
        let expected =
            "orders hammer --oracle db:… --oracle api --header … --database-url … --seed 7";
        for arguments in [
            "hammer --oracle db:postgres://u:p@h/d --oracle api --header A:b --database-url x://u:p@h",
            "hammer --oracle=db:postgres://u:p@h/d --oracle=api --header=A:b=c --database-url=x://u:p@h",
        ] {
            assert_eq!(repeated(arguments), expected);
        }
    }
}
