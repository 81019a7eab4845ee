//! Tests of the published schema: `schema.graphql` matches the code, and everything has a description.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use khabar_graphql::document::OperationRequest;
use khabar_graphql::limit::Limits;
use serde_json::Value;

#[test]
fn schema_graphql_is_up_to_date() -> anyhow::Result<()> {
    let written = include_str!("../../schema.graphql");
    let built = khabar_graphql::sdl();
    let mut lines = (1..).zip(written.lines()).zip(built.lines());
    if let Some(((number, written), built)) = lines.find(|((_, one), other)| one != other) {
        anyhow::bail!(
            "schema.graphql, line {number}, is\n  {written}\nand the code says\n  {built}\n`just schema` writes it anew"
        );
    }
    ensure!(
        written == built,
        "schema.graphql ends elsewhere than what the code says; `just schema` writes it anew"
    );
    Ok(())
}

#[tokio::test]
async fn everything_has_a_description() -> anyhow::Result<()> {
    let response = khabar_graphql::schema()
        .execute(
            "{ __schema { types { name description
                fields(includeDeprecated: true) { name description args { name description } }
                inputFields { name description }
                enumValues(includeDeprecated: true) { name description } } } }",
        )
        .await;
    ensure!(response.errors.is_empty(), "{:?}", response.errors);
    let data = serde_json::to_value(&response.data)?;
    let types = list(&data["__schema"], "types");
    let mut silent = Vec::new();
    let mut seen = 0;
    for thing in types {
        let name = thing["name"].as_str().context("a type without a name")?;
        // Part of GraphQL itself.
        if name.starts_with("__") || name == "ID" {
            continue;
        }
        let mut say = |place: String, thing: &Value| {
            seen += 1;
            if thing["description"]
                .as_str()
                .is_none_or(|text| text.trim().is_empty())
            {
                silent.push(place);
            }
        };
        say(name.to_owned(), thing);
        for part in ["fields", "inputFields", "enumValues"] {
            for field in list(thing, part) {
                let place = format!("{name}.{}", field["name"].as_str().unwrap_or_default());
                for argument in list(field, "args") {
                    let argument_name = argument["name"].as_str().unwrap_or_default();
                    say(format!("{place}({argument_name})"), argument);
                }
                say(place, field);
            }
        }
    }
    ensure!(seen > 400, "only {seen} descriptions were looked for");
    ensure!(silent.is_empty(), "without a description: {silent:#?}");
    Ok(())
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// Checks that the API accepts every query in `docs/editing.md`, with the variables given below it.
#[test]
fn queries_in_the_documentation_are_valid() -> anyhow::Result<()> {
    let api = khabar_graphql::api(Limits::default())?;
    let text = include_str!("../../docs/editing.md");
    let mut blocks = text.split("\n```").skip(1).step_by(2).peekable();
    let mut asked = 0;
    while let Some(block) = blocks.next() {
        let Some(document) = block.strip_prefix("graphql\n") else {
            continue;
        };
        let mut incoming = OperationRequest::new(document);
        if let Some(json) = blocks
            .peek()
            .and_then(|next| next.strip_prefix("json variables\n"))
        {
            incoming.variables = serde_json::from_str(json)?;
        }
        let refused = api.admit(&incoming).err();
        let refused =
            refused.map(|response| String::from_utf8_lossy(&response.to_json()).into_owned());
        ensure!(refused.is_none(), "{document}\n{refused:?}");
        asked += 1;
    }
    ensure!(asked >= 12, "only {asked} queries were found");
    Ok(())
}

/// The two habits that made the comments of early versions hard to read and to search.
#[test]
fn comments_begin_with_a_noun_or_a_verb() -> anyhow::Result<()> {
    const AVOIDED: [&str; 8] = [
        "What ",
        "Who ",
        "Which ",
        "Where ",
        "How ",
        "It ",
        "Its ",
        "The same ",
    ];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for folder in ["crates", "tests", "benches/src"] {
        for file in sources(&root.join(folder))? {
            let text = fs::read_to_string(&file)?;
            let mut is_first = true;
            for (number, line) in (1..).zip(text.lines()) {
                let line = line.trim_start();
                let words = line
                    .strip_prefix("///")
                    .or_else(|| line.strip_prefix("//!"));
                let words = words.map(str::trim_start);
                if let Some(words) = words.filter(|_| is_first)
                    && AVOIDED.iter().any(|avoided| words.starts_with(avoided))
                {
                    found.push(format!("{}:{number}: {words}", file.display()));
                }
                is_first = words.is_none_or(str::is_empty);
            }
        }
    }
    for (number, line) in (1..).zip(include_str!("../../schema.graphql").lines()) {
        let text = line.trim_start().trim_start_matches('"');
        if line.trim_start().starts_with('"')
            && AVOIDED.iter().any(|avoided| text.starts_with(avoided))
        {
            found.push(format!("schema.graphql:{number}: {text}"));
        }
    }
    ensure!(
        found.is_empty(),
        "these comments should begin with a noun or a verb:\n{}",
        found.join("\n")
    );
    Ok(())
}

/// Returns all Rust files below a folder.
fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("node_modules") {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(found)
}
