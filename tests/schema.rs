//! The published schema: `schema.graphql` is what the code says, and leaves nothing unexplained.

use anyhow::{Context as _, ensure};
use khabar_graphql::document::Incoming;
use khabar_graphql::limit::Limits;
use serde_json::Value;

#[test]
fn schema_graphql_is_what_the_code_says() -> anyhow::Result<()> {
    let written = include_str!("../schema.graphql");
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
    let answer = khabar_graphql::schema()
        .execute(
            "{ __schema { types { name description
                fields(includeDeprecated: true) { name description args { name description } }
                inputFields { name description }
                enumValues(includeDeprecated: true) { name description } } } }",
        )
        .await;
    ensure!(answer.errors.is_empty(), "{:?}", answer.errors);
    let data = serde_json::to_value(&answer.data)?;
    let types = list(&data["__schema"], "types");
    let mut silent = Vec::new();
    let mut seen = 0;
    for thing in types {
        let name = thing["name"].as_str().context("a type without a name")?;
        // What GraphQL itself brings along.
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

/// Every query of `docs/`, with the variables that stand below it, is one that the API takes.
#[test]
fn what_the_documentation_asks_is_valid() -> anyhow::Result<()> {
    let api = khabar_graphql::api(Limits::default())?;
    let text = include_str!("../docs/editing.md");
    let mut blocks = text.split("\n```").skip(1).step_by(2).peekable();
    let mut asked = 0;
    while let Some(block) = blocks.next() {
        let Some(document) = block.strip_prefix("graphql\n") else {
            continue;
        };
        let mut incoming = Incoming::new(document);
        if let Some(json) = blocks
            .peek()
            .and_then(|next| next.strip_prefix("json variables\n"))
        {
            incoming.variables = serde_json::from_str(json)?;
        }
        let refused = api.admit(&incoming).err();
        let refused = refused.map(|answer| String::from_utf8_lossy(&answer.to_json()).into_owned());
        ensure!(refused.is_none(), "{document}\n{refused:?}");
        asked += 1;
    }
    ensure!(asked >= 12, "only {asked} queries were found");
    Ok(())
}
