//! The steps of the workflow in `docs/hammer.md`, run as a CI would run them.

use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::process::Command;

use super::text;

/// A step of the workflow with a command.
struct Step {
    name: String,
    run: String,
    /// Whether it runs after a step that failed.
    always: bool,
}

fn steps() -> Vec<Step> {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/hammer.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, after) = page.split_once("<!-- workflow:").unwrap();
    let (_, yaml) = after.split_once("```yaml\n").unwrap();
    let (yaml, _) = yaml.split_once("```").unwrap();
    let workflow: serde_json::Value = serde_yaml_ng::from_str(yaml).unwrap();
    let steps = workflow["jobs"]["hammer"]["steps"].as_array().unwrap();
    let with_command = steps.iter().filter_map(|step| {
        Some(Step {
            name: step["name"].as_str()?.to_owned(),
            run: step["run"].as_str()?.to_owned(),
            always: step["if"] == "always()",
        })
    });
    with_command.collect()
}

/// The outcome of the steps.
struct Job {
    folder: tempfile::TempDir,
    failed: Vec<String>,
    /// The process groups of the steps, which may have left processes behind.
    groups: Vec<Pid>,
}

impl Drop for Job {
    fn drop(&mut self) {
        for group in &self.groups {
            // A group without processes is gone.
            let _ = killpg(*group, Signal::SIGKILL);
        }
    }
}

/// Runs the steps after the build.
async fn run() -> Job {
    let mut job = Job {
        folder: tempfile::tempdir().unwrap(),
        failed: Vec::new(),
        groups: Vec::new(),
    };
    let release = job.folder.path().join("target/release");
    std::fs::create_dir_all(&release).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_orders"), release.join("orders")).unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port().to_string();
    drop(free);
    for step in steps().iter().filter(|step| step.name != "Build") {
        if !job.failed.is_empty() && !step.always {
            continue;
        }
        // As GitHub runs a step on Linux.
        let child = Command::new("bash")
            .args(["-e", "-c", &step.run.replace("3000", &port)])
            .current_dir(job.folder.path())
            .env("GITHUB_STEP_SUMMARY", job.folder.path().join("step.md"))
            .env_remove("DATABASE_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap();
        let id = child.id().unwrap().try_into().unwrap();
        job.groups.push(Pid::from_raw(id));
        let ended = tokio::time::timeout(Duration::from_mins(1), child.wait_with_output()).await;
        let output = ended.expect("a step ends").unwrap();
        if !output.status.success() {
            let said = text(&output.stdout) + &text(&output.stderr);
            job.failed.push(format!("{}: {said}", step.name));
        }
    }
    job
}

#[tokio::test]
async fn the_workflow_hammers_a_service_and_keeps_the_report() {
    let names: Vec<String> = steps().into_iter().map(|step| step.name).collect();
    assert_eq!(names, ["Build", "Start the service", "Hammer", "Summary"]);
    let mut job = run().await;
    for _ in 0..2 {
        // A busy machine may leave no time for all scenarios.
        if job.failed.iter().any(|step| step.contains("UNKNOWN")) {
            job = run().await;
        }
    }
    assert_eq!(job.failed, Vec::<String>::new());
    let summary = std::fs::read_to_string(job.folder.path().join("step.md")).unwrap();
    assert!(
        summary.starts_with("## ✅ orders hammer: held"),
        "{summary}"
    );
    for file in ["hammer/report.html", "hammer/junit.xml", "service.log"] {
        assert!(job.folder.path().join(file).exists(), "{file}");
    }
}
