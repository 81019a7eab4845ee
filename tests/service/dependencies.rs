//! The service refers to no HTTP library, neither directly nor through another crate.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// The crates that define or transport HTTP.
const HTTP: [&str; 9] = [
    "axum",
    "headers",
    "http",
    "http-body",
    "http-body-util",
    "hyper",
    "hyper-util",
    "tower",
    "tower-http",
];

/// Names by which HTTP types could be reached through the re-exports of another crate.
const NAMES: [&str; 7] = [
    "axum::",
    "http::",
    "hyper::",
    "HeaderMap",
    "HeaderName",
    "HeaderValue",
    "StatusCode",
];

#[test]
fn no_dependency_is_an_http_library() -> anyhow::Result<()> {
    let output = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
        .args([
            "metadata",
            "--no-deps",
            "--offline",
            "--format-version",
            "1",
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"].as_array().context("no packages")?;
    let service = packages.iter().find(|it| it["name"] == "khabar-service");
    let dependencies = service.and_then(|it| it["dependencies"].as_array());
    let dependencies = dependencies.context("no dependencies")?;
    ensure!(dependencies.len() > 10, "{}", dependencies.len());
    for dependency in dependencies {
        let name = dependency["name"].as_str().context("no name")?;
        let is_above = ["khabar-server", "khabar-ingest"].contains(&name);
        ensure!(!HTTP.contains(&name) && !is_above, "{name}");
    }
    Ok(())
}

#[test]
fn no_source_names_an_http_type() -> anyhow::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/service/src");
    let mut files = Vec::new();
    collect(&folder, &mut files)?;
    ensure!(files.len() > 20, "{}", files.len());
    for file in files {
        let text = fs::read_to_string(&file)?;
        for name in NAMES {
            ensure!(!text.contains(name), "{} names {name}", file.display());
        }
    }
    Ok(())
}

/// Collects the Rust files in a folder and below it.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}
