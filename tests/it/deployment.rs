//! The files under `deploy/` and `docs/deployment.md` name only what exists: commands, flags,
//! variables, paths of the API, files and ports.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use clap::CommandFactory;
use orders::cli::Cli;
use serde_json::Value;

use crate::harness::{Process, on_sqlite};

/// The files that an operator copies, and the page that describes them.
const FILES: [&str; 8] = [
    "deploy/Dockerfile",
    "deploy/compose.yaml",
    "deploy/orders.service",
    "deploy/kubernetes/deployment.yaml",
    "deploy/kubernetes/migrate-job.yaml",
    "deploy/kubernetes/poddisruptionbudget.yaml",
    "deploy/kubernetes/service.yaml",
    "docs/deployment.md",
];

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap()
}

fn yaml(file: &str) -> Value {
    let text = read(file);
    let mut value: serde_yaml_ng::Value = serde_yaml_ng::from_str(&text).unwrap();
    value.apply_merge().unwrap();
    serde_json::to_value(value).unwrap()
}

/// Parses a command line as the program does.
fn assert_parses(arguments: &[&str], file: &str) {
    let line = [&["orders"], arguments].concat();
    if let Err(error) = Cli::command().try_get_matches_from(line) {
        panic!("{file}: orders {arguments:?}: {error}");
    }
}

/// The arguments of a container.
fn arguments(container: &Value) -> Vec<&str> {
    let list = container["args"]
        .as_array()
        .or(container["command"].as_array());
    list.unwrap()
        .iter()
        .map(|argument| argument.as_str().unwrap())
        .collect()
}

/// Every environment variable and every long flag of every command.
pub(crate) fn settings() -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut variables, mut flags) = (BTreeSet::new(), BTreeSet::new());
    let mut program = Cli::command();
    program.build();
    let mut waiting = vec![program];
    while let Some(command) = waiting.pop() {
        for argument in command.get_arguments() {
            let variable = argument
                .get_env()
                .map(|name| name.to_string_lossy().into_owned());
            variables.extend(variable);
            flags.extend(argument.get_long().map(|name| format!("--{name}")));
        }
        waiting.extend(command.get_subcommands().cloned());
    }
    (variables, flags)
}

/// The words of a text that start with a prefix, without what cannot be part of a name.
pub(crate) fn words<'a>(text: &'a str, prefix: &str) -> impl Iterator<Item = &'a str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let words = text.split(move |c| !is_name(c));
    let prefix = prefix.to_owned();
    words.filter(move |word| word.starts_with(&prefix) && word.len() > prefix.len())
}

#[test]
fn every_variable_exists() {
    let (variables, _) = settings();
    assert!(variables.len() > 20, "{variables:?}");
    for file in FILES {
        for name in words(&read(file), "ORDERS_") {
            assert!(variables.contains(name), "{file} sets {name}");
        }
    }
    // Those without the prefix are found by their place.
    let set = |container: &Value, file: &str| {
        let mut names: Vec<String> = Vec::new();
        if let Some(map) = container["environment"].as_object() {
            names.extend(map.keys().cloned());
        }
        for entry in container["env"].as_array().into_iter().flatten() {
            names.push(entry["name"].as_str().unwrap().to_owned());
        }
        for name in &names {
            assert!(variables.contains(name), "{file} sets {name}");
        }
        names.len()
    };
    for (container, file) in containers() {
        assert!(set(&container, file) > 0, "{file} sets no variable");
    }
    let unit = read("deploy/orders.service");
    for line in unit
        .lines()
        .filter_map(|line| line.strip_prefix("Environment="))
    {
        let name = line.split('=').next().unwrap();
        assert!(variables.contains(name), "the unit sets {name}");
    }
}

/// Every container that runs `orders`.
fn containers() -> Vec<(Value, &'static str)> {
    let services = yaml("deploy/compose.yaml")["services"].clone();
    let mut containers: Vec<(Value, &'static str)> = ["migrate", "orders"]
        .map(|name| (services[name].clone(), "deploy/compose.yaml"))
        .into();
    for file in [
        "deploy/kubernetes/deployment.yaml",
        "deploy/kubernetes/migrate-job.yaml",
    ] {
        let pod = yaml(file)["spec"]["template"]["spec"].clone();
        let found = pod["containers"].as_array().unwrap().clone();
        containers.extend(found.into_iter().map(|container| (container, file)));
    }
    assert_eq!(containers.len(), 4);
    containers
}

#[test]
fn every_command_and_flag_exists() {
    for (container, file) in containers() {
        assert_parses(&arguments(&container), file);
    }
    let unit = read("deploy/orders.service");
    let start = unit
        .lines()
        .find_map(|line| line.strip_prefix("ExecStart="))
        .unwrap();
    let start: Vec<&str> = start.split_whitespace().collect();
    assert!(start[0].ends_with("/orders"), "{start:?}");
    assert_parses(&start[1..], "deploy/orders.service");
    let image = read("deploy/Dockerfile");
    assert!(image.contains("ENTRYPOINT [\"orders\"]"));
    let command = image
        .lines()
        .find_map(|line| line.strip_prefix("CMD "))
        .unwrap();
    let command: Vec<String> = serde_json::from_str(command).unwrap();
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    assert_parses(&command, "deploy/Dockerfile");

    let page = read("docs/deployment.md");
    let lines: Vec<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("orders "))
        .collect();
    assert!(lines.len() >= 3, "{lines:?}");
    for line in lines {
        assert_parses(
            &line.split_whitespace().collect::<Vec<_>>(),
            "docs/deployment.md",
        );
    }
    let (_, flags) = settings();
    for file in FILES {
        let text = read(file);
        // In code spans and comments: what is not a command of another program.
        let spans = text.split('`').skip(1).step_by(2);
        let comments = text.lines().filter(|line| {
            line.trim_start().starts_with("# ") && line.ends_with('.') && !line.ends_with("...")
        });
        for flag in spans.chain(comments).flat_map(|text| words(text, "--")) {
            assert!(flags.contains(flag), "{file} names {flag}");
        }
    }
}

on_sqlite! {
    async fn every_probe_answers(database: &TestDatabase) {
        let server = Process::serve(database);
        let pod = yaml("deploy/kubernetes/deployment.yaml")["spec"]["template"]["spec"].clone();
        let container = &pod["containers"][0];
        for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
            let path = container[probe]["httpGet"]["path"].as_str().unwrap();
            server.client.get(path).await.expect(200);
            assert_eq!(container[probe]["httpGet"]["port"], "http");
        }
        // The command in the container, with the port of this server.
        let compose = yaml("deploy/compose.yaml");
        let test: Vec<String> =
            serde_json::from_value(compose["services"]["orders"]["healthcheck"]["test"].clone())
                .unwrap();
        let probe = |port: u16| {
            let script = test[3].replace("/3000 ", &format!("/{port} "));
            assert_ne!(script, test[3], "the port is not 3000");
            Command::new(&test[1]).args([&test[2], &script]).output().unwrap().status.success()
        };
        let port = server.client.address.port();
        assert!(tokio::task::block_in_place(|| probe(port)));
        server.stop();
        assert!(!tokio::task::block_in_place(|| probe(port)));
        let page = read("docs/deployment.md");
        assert!(page.contains("`/livez`") && page.contains("`/health`"));
    }
}

#[test]
fn ports_users_and_files_agree() {
    let default = Cli::command();
    let serve = default.find_subcommand("serve").unwrap();
    let port = serve
        .get_arguments()
        .find(|argument| argument.get_id() == "port")
        .unwrap();
    let port = port.get_default_values()[0].to_str().unwrap().to_owned();
    let image = read("deploy/Dockerfile");
    assert!(image.contains(&format!("EXPOSE {port}\n")));
    let deployment = yaml("deploy/kubernetes/deployment.yaml");
    let pod = &deployment["spec"]["template"]["spec"];
    let ports = &pod["containers"][0]["ports"][0];
    assert_eq!(ports["containerPort"].to_string(), port);
    assert_eq!(
        ports["name"],
        yaml("deploy/kubernetes/service.yaml")["spec"]["ports"][0]["targetPort"]
    );
    let user = pod["securityContext"]["runAsUser"].to_string();
    assert!(image.contains(&format!("USER {user}:")), "{user}");
    // Whom a Service and a PodDisruptionBudget select.
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    assert_eq!(
        yaml("deploy/kubernetes/service.yaml")["spec"]["selector"],
        *labels
    );
    let budget = yaml("deploy/kubernetes/poddisruptionbudget.yaml");
    assert_eq!(budget["spec"]["selector"]["matchLabels"], *labels);
    // The job's pods are not of the Service.
    let job = yaml("deploy/kubernetes/migrate-job.yaml");
    assert_ne!(job["spec"]["template"]["metadata"]["labels"], *labels);
    for image in [
        &pod["containers"][0],
        &job["spec"]["template"]["spec"]["containers"][0],
    ] {
        assert_eq!(
            image["image"],
            format!("orders:{}", env!("CARGO_PKG_VERSION"))
        );
    }

    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let build = &yaml("deploy/compose.yaml")["services"]["migrate"]["build"];
    let context = root.join("deploy").join(build["context"].as_str().unwrap());
    assert!(
        context
            .join(build["dockerfile"].as_str().unwrap())
            .is_file()
    );
    // What the image is built from: every member of the workspace, and what they contain.
    let sent = read("deploy/Dockerfile.dockerignore");
    let sent: Vec<&str> = sent
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .collect();
    for path in &sent {
        assert!(root.join(path).exists(), "{path}");
    }
    for needed in [
        "Cargo.toml",
        "Cargo.lock",
        "src",
        "migration",
        "tests",
        "examples",
    ] {
        assert!(sent.contains(&needed), "{needed} is not sent to the build");
    }
    let manifest = read("Cargo.toml");
    assert!(manifest.contains("[profile.dist]") && image.contains("--profile dist"));
    let toolchain = manifest
        .lines()
        .find_map(|line| line.strip_prefix("rust-version = "));
    let toolchain = toolchain.unwrap().trim_matches('"');
    assert!(
        image.contains(&format!("FROM rust:{toolchain}-")),
        "{toolchain}"
    );
}
