//! What is known about a command besides its flags.

use std::fmt::Write as _;

/// What a command does when it is run like this.
#[derive(Debug)]
pub(super) struct Example {
    /// A sentence without its full stop.
    pub(super) meaning: &'static str,
    /// The line for a POSIX shell.
    pub(super) command: &'static str,
}

/// What is known about a command besides its flags.
#[derive(Debug)]
pub(super) struct Manual {
    /// The command without the name of the program, such as `migrate up`.
    pub(super) command: &'static str,
    pub(super) examples: &'static [Example],
    /// Exit statuses and their meanings.
    pub(super) exit: &'static [(u8, &'static str)],
}

impl Manual {
    /// The entry of a command, such as `["migrate", "up"]`.
    pub(super) fn of(path: &[&str]) -> Option<&'static Self> {
        let command = path.join(" ");
        Self::ALL.iter().find(|manual| manual.command == command)
    }

    /// The end of the help.
    pub(super) fn help(&self) -> String {
        let mut text = "Examples:".to_owned();
        for Example { meaning, command } in self.examples {
            let command = command.replace('\n', "\n      ");
            let _ = write!(text, "\n  {meaning}:\n      {command}");
        }
        text.push_str("\n\nExit status:");
        for (code, meaning) in self.exit {
            let _ = write!(text, "\n  {code:<3} {meaning}");
        }
        text
    }
}

#[cfg(test)]
impl Example {
    /// The words of the last `orders` command in the line.
    pub(super) fn arguments(&self) -> Vec<String> {
        let line = self.command.replace("\\\n", " ");
        let commands = line.split(['\n', '|', '>', '&', ')', '(']);
        let mut commands = commands.filter_map(|part| {
            let words: Vec<&str> = part.split_whitespace().collect();
            (words.first() == Some(&"orders")).then_some(words)
        });
        let words = commands.next_back().expect("the example runs orders");
        let unquoted = words.iter().map(|word| word.trim_matches(['\'', '"']));
        unquoted.map(str::to_owned).collect()
    }
}
