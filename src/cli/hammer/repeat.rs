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
            _ => words.push(argument),
        }
    }
    format!("{} --seed {seed}", words.join(" "))
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
