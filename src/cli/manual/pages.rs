//! Examples and exit statuses of every command.

use super::entry::{Example, Manual};

/// Makes the table shorter.
const fn example(meaning: &'static str, command: &'static str) -> Example {
    Example { meaning, command }
}

/// The exit statuses of most commands.
const DONE: &[(u8, &str)] = &[
    (0, "done"),
    (2, "bad usage, or the database cannot be used"),
];

/// The exit statuses of commands without a database.
const PRINTED: &[(u8, &str)] = &[(0, "done"), (2, "bad usage")];

impl Manual {
    pub(super) const ALL: &[Self] = &[
        Self {
            command: "",
            examples: &[
                example(
                    "Serve on port 3000, with SQLite in ./orders.db",
                    "orders serve",
                ),
                example(
                    "Place an order, with retries",
                    "orders place --item espresso --quantity 2",
                ),
                example(
                    "Verify that a service stores one order per key",
                    "orders hammer --url http://localhost:3000 --quick",
                ),
                example(
                    "Write the manual pages, and read one",
                    "orders man man && man ./man/orders-serve.1",
                ),
            ],
            exit: &[
                (0, "done, or the answer is yes"),
                (1, "the answer is no"),
                (2, "no answer: bad usage, or not reached"),
                (130, "interrupted"),
            ],
        },
        Self {
            command: "serve",
            examples: &[
                example(
                    "Port 3000 of every interface, SQLite in ./orders.db",
                    "orders serve",
                ),
                example(
                    "This machine only, on PostgreSQL",
                    "export DATABASE_URL=postgres://me:secret@db/orders\n\
                     orders serve --host 127.0.0.1",
                ),
                example(
                    "A token for each client (see orders token)",
                    "orders serve --auth tokens",
                ),
                example(
                    "Would it start? For a deployment",
                    "orders serve --check --no-migrate",
                ),
            ],
            exit: &[
                (0, "stopped by SIGTERM or Ctrl-C, or --check passed"),
                (1, "--check --no-migrate: the schema is outdated"),
                (2, "the server cannot start"),
            ],
        },
        Self {
            command: "relay",
            examples: &[
                example(
                    "Publish what orders serve --no-relay has written",
                    "orders relay --events kafka://localhost:9092/orders",
                ),
                example("Look at the events", "orders relay --events stdout:"),
            ],
            exit: &[
                (0, "stopped by SIGTERM or Ctrl-C"),
                (2, "the relay cannot start"),
            ],
        },
        Self {
            command: "consume",
            examples: &[example(
                "Place the orders of the topic place-order",
                "orders consume --group orders \\\n  \
                 --from kafka://localhost:9092/place-order",
            )],
            exit: &[
                (0, "stopped by SIGTERM or Ctrl-C"),
                (2, "the consumer cannot start or go on"),
            ],
        },
        Self {
            command: "migrate",
            examples: &[
                example("Bring the schema up to date", "orders migrate up"),
                example(
                    "Show what is applied and what is pending",
                    "orders migrate status",
                ),
            ],
            exit: &[
                (0, "done, or nothing is pending"),
                (1, "something is pending, or the prompt was declined"),
                (2, "bad usage, or the database cannot be used"),
            ],
        },
        Self {
            command: "migrate up",
            examples: &[example(
                "Before servers that run with --no-migrate",
                "orders migrate up && orders serve --no-migrate",
            )],
            exit: DONE,
        },
        Self {
            command: "migrate down",
            examples: &[example(
                "Roll back two migrations, without the prompt",
                "orders migrate down --steps 2 --yes",
            )],
            exit: &[
                (0, "rolled back"),
                (1, "the prompt was declined"),
                (2, "bad usage, or the database cannot be used"),
            ],
        },
        Self {
            command: "migrate fresh",
            examples: &[example(
                "Empty the database of a test",
                "orders migrate fresh --yes \\\n  --database-url sqlite://test.db",
            )],
            exit: &[
                (0, "recreated"),
                (1, "the prompt was declined"),
                (2, "bad usage, or the database cannot be used"),
            ],
        },
        Self {
            command: "migrate status",
            examples: &[example(
                "In CI: fail if a migration is pending",
                "orders migrate status || exit 1",
            )],
            exit: &[
                (0, "nothing is pending"),
                (1, "something is pending"),
                (2, "bad usage, or the database cannot be used"),
            ],
        },
        Self {
            command: "sweep",
            examples: &[example(
                "Replay for a week, refuse late retries for 90 days",
                "orders sweep --key-retention 7d \\\n  --tombstone-retention 90d",
            )],
            exit: DONE,
        },
        Self {
            command: "token",
            examples: &[
                example(
                    "A token that expires",
                    "orders token create --tenant acme --expires 90d",
                ),
                example("All tokens, as JSON", "orders token list --json"),
            ],
            exit: &[
                (0, "done"),
                (1, "there is no such token"),
                (2, "bad usage, or the database cannot be used"),
            ],
        },
        Self {
            command: "token create",
            examples: &[
                example(
                    "A token that expires in 90 days",
                    "orders token create --tenant acme --expires 90d",
                ),
                example(
                    "Use it",
                    "ORDERS_TOKEN=$(orders token create --tenant acme)\n\
                     export ORDERS_TOKEN\n\
                     orders place --item espresso --quantity 2",
                ),
            ],
            exit: DONE,
        },
        Self {
            command: "token list",
            examples: &[example("For a script", "orders token list --json")],
            exit: DONE,
        },
        Self {
            command: "token revoke",
            examples: &[example(
                "Revoke a token of orders token list",
                "orders token revoke 6f1d0c8a92b4",
            )],
            exit: &[
                (0, "revoked, now or before"),
                (1, "there is no such token"),
                (2, "bad usage, or the database cannot be used"),
            ],
        },
        Self {
            command: "backup",
            examples: &[example(
                "Copy ./orders.db while it is served",
                "orders backup backup.db",
            )],
            exit: &[
                (0, "the copy is complete and on disk"),
                (2, "there is no copy"),
            ],
        },
        Self {
            command: "openapi",
            examples: &[example(
                "Generate a client from it",
                "orders openapi --yaml > orders.yaml",
            )],
            exit: PRINTED,
        },
        Self {
            command: "hammer",
            examples: &[
                example("This program, in seven seconds", "orders hammer --quick"),
                example(
                    "A service that runs, with a report to read",
                    "orders hammer --url http://localhost:3000 \\\n  --report report",
                ),
                example(
                    "A service with another API",
                    "orders hammer contract > contract.toml\n\
                     $EDITOR contract.toml\n\
                     orders hammer --url http://localhost:8080 \\\n  --contract contract.toml",
                ),
                example(
                    "Throughput and latency, with a limit for CI",
                    "orders hammer --load --duration 30s \\\n  --assert 'p99<50ms'",
                ),
            ],
            exit: &[
                (0, "held"),
                (1, "violated"),
                (2, "unknown: not enough was observed"),
                (130, "interrupted"),
            ],
        },
        Self {
            command: "hammer contract",
            examples: &[example(
                "Describe your own service in a copy of it",
                "orders hammer contract > contract.toml",
            )],
            exit: PRINTED,
        },
        Self {
            command: "hammer check",
            examples: &[example(
                "Judge the run of orders hammer --report report",
                "orders hammer check report",
            )],
            exit: &[
                (0, "held"),
                (1, "violated"),
                (2, "unknown, or there is no history to read"),
            ],
        },
        Self {
            command: "place",
            examples: &[
                example(
                    "A new key, which is printed for a later retry",
                    "orders place --item espresso --quantity 2",
                ),
                example(
                    "The same order, as often as it is run",
                    "orders place --item espresso --quantity 2 \\\n  \
                     --key create-order:user123:cart456",
                ),
            ],
            exit: &[
                (0, "placed, now or before"),
                (1, "refused for good"),
                (2, "unknown, or not reached: run it again"),
            ],
        },
        Self {
            command: "key",
            examples: &[
                example("A random key", "orders key new"),
                example(
                    "A key that is the same after a restart",
                    "orders key derive create-order user123 cart456",
                ),
            ],
            exit: PRINTED,
        },
        Self {
            command: "key new",
            examples: &[example(
                "Store it, then use it for every attempt",
                "orders key new > key\n\
                 orders place --item espresso --quantity 2 \\\n  --key \"$(cat key)\"",
            )],
            exit: PRINTED,
        },
        Self {
            command: "key derive",
            examples: &[example(
                "Prints create-order:user123:cart456",
                "orders key derive create-order user123 cart456",
            )],
            exit: PRINTED,
        },
        Self {
            command: "completions",
            examples: &[
                example("bash, in ~/.bashrc", "source <(orders completions bash)"),
                example(
                    "zsh, in ~/.zshrc after compinit",
                    "source <(orders completions zsh)",
                ),
                example(
                    "fish, in ~/.config/fish/config.fish",
                    "orders completions fish | source",
                ),
            ],
            exit: PRINTED,
        },
        Self {
            command: "man",
            examples: &[
                example("Read a page", "orders man man\nman ./man/orders-serve.1"),
                example("For man orders", "orders man ~/.local/share/man/man1"),
            ],
            exit: &[(0, "done"), (2, "a page cannot be written")],
        },
    ];
}
