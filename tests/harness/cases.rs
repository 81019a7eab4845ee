//! The API test cases: `tests/api/<type>/<what it shows>.graphql`.
//!
//! Comments at the top of a case may set its inputs: `# variables: {…}` (JSON) and `# hour: …` (the
//! current time, RFC 3339).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::newsroom;

/// A test case, read from its file.
#[derive(Clone, Debug)]
pub struct Case {
    /// The path of the file below `tests/api`.
    pub name: String,
    /// The text of the document, with its comments.
    pub document: String,
    /// The variables, or null.
    pub variables: Value,
    /// The current time.
    pub hour: DateTime<Utc>,
}

impl Case {
    /// Reads a case from its file.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let name = path.strip_prefix(folder())?.display().to_string();
        let document = fs::read_to_string(path)?;
        let (mut variables, mut hour) = (Value::Null, newsroom::now());
        for line in document.lines().map_while(|line| line.strip_prefix('#')) {
            let line = line.trim();
            if let Some(json) = line.strip_prefix("variables:") {
                variables = serde_json::from_str(json).with_context(|| name.clone())?;
            } else if let Some(time) = line.strip_prefix("hour:") {
                hour = time.trim().parse().with_context(|| name.clone())?;
            }
        }
        Ok(Self {
            name,
            document,
            variables,
            hour,
        })
    }

    /// Reads all cases, sorted by path.
    pub fn all() -> anyhow::Result<Vec<Self>> {
        let paths = files("graphql")?;
        paths.iter().map(|path| Self::read(path)).collect()
    }
}

/// Returns the folder of the cases.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("api")
}

/// Returns every file of the cases with this extension, sorted by path.
pub fn files(extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for noun in fs::read_dir(folder())? {
        for file in fs::read_dir(noun?.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|it| it == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
