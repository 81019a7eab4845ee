//! Random documents from the schema have one response: on both databases, without a cache, with an empty one
//! and with a full one, to the byte. Arguments, aliases, fragments, directives and variables are random, too.
//!
//! `KHABAR_ROUNDS=100` runs a hundred times as many documents, `KHABAR_SEED=…` others.

use std::fmt::Write as _;

use anyhow::ensure;
use khabar_tests::harness::random::{Random, env_number, seed};
use khabar_tests::harness::schema_map::{Argument, Field, INTROSPECTION, Map};
use khabar_tests::harness::{Newsroom, TestApp, TestDb, unlimited};
use serde_json::{Value, json};

/// The number of documents in a round.
const DOCUMENTS: usize = 500;
/// The maximum depth of fields.
const DEPTH: usize = 6;

/// Finds slugs and ids of objects, for arguments.
const FIND: &str = "{
    articles(first: 50) { nodes { __typename id slug stories { __typename id slug }
        section { __typename id slug } topics { __typename id slug } authors { __typename id slug }
        source { __typename id slug } } }
    editions { __typename id slug } }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_documents_have_one_response() -> anyhow::Result<()> {
    let rounds: usize = env_number("KHABAR_ROUNDS")?.unwrap_or(1);
    let mut apps = Vec::new();
    for db in TestDb::each().await? {
        Newsroom::small()?.save(db.db()).await?;
        let uncached = TestDb::at(db.url().to_owned()).await?;
        apps.push((db.name(), TestApp::with_limits(uncached, unlimited())?));
        apps.push((
            db.name(),
            TestApp::with_limits(db.caching().await?, unlimited())?,
        ));
    }
    let (_, first) = &apps[0];
    let map = Map::read(&first.ask(INTROSPECTION).await?.value()?)?;
    let mut values = Values::default();
    values.collect(&first.ask(FIND).await?.value()?["data"]);
    let mut generator = Generator {
        random: Random::of(seed()?, 0),
        map: &map,
        values: &values,
        aliases: 0,
    };
    let (mut with_data, mut with_errors) = (0, 0);
    for _ in 0..DOCUMENTS * rounds {
        let document = generator.document();
        for flag in [true, false] {
            let variables = json!({"yes": flag});
            let expected = first.ask_with(&document, &variables).await?;
            // The second time, a cache has all of it.
            for (name, app) in apps.iter().chain(&apps) {
                let response = app.ask_with(&document, &variables).await?;
                ensure!(
                    response.json == expected.json,
                    "{name}, $yes is {flag}:\n{document}\n{}\ninstead of\n{}",
                    response.json,
                    expected.json
                );
            }
            let expected = expected.value()?;
            with_errors += usize::from(!expected["errors"].is_null());
            with_data += usize::from(expected["data"].is_object());
        }
    }
    // The documents are worth comparing.
    ensure!(with_data > DOCUMENTS, "{with_data} responses have data");
    ensure!(with_errors > 0, "no response has an error");
    Ok(())
}

/// Values for arguments.
#[derive(Default)]
struct Values {
    slugs: Vec<String>,
    ids: Vec<String>,
}

impl Values {
    fn collect(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                self.slugs.extend(
                    members
                        .get("slug")
                        .and_then(Value::as_str)
                        .map(str::to_owned),
                );
                self.ids
                    .extend(members.get("id").and_then(Value::as_str).map(str::to_owned));
                members.values().for_each(|value| self.collect(value));
            }
            Value::Array(items) => items.iter().for_each(|value| self.collect(value)),
            _ => {}
        }
    }
}

struct Generator<'a> {
    random: Random,
    map: &'a Map,
    values: &'a Values,
    /// The number of aliases so far, each of which is used once.
    aliases: usize,
}

impl Generator<'_> {
    fn document(&mut self) -> String {
        let mut text = "query ($yes: Boolean!) { __typename ".to_owned();
        for _ in 0..=self.random.below(2) {
            // The entry points of readers, more often than the others.
            let common = [
                "home", "article", "story", "section", "topic", "person", "source", "edition",
            ];
            let common = self
                .random
                .pick(&common)
                .filter(|_| !self.random.once_in(6));
            let fields: Vec<&Field> = self
                .map
                .fields(&self.map.root)
                .filter(|field| common.is_none_or(|name| name == field.name))
                .collect();
            if let Some(field) = self.random.pick(&fields) {
                self.field(field, 1, &mut text);
            }
        }
        text.push('}');
        text
    }

    fn field(&mut self, field: &Field, depth: usize, text: &mut String) {
        let is_leaf = self.map.is_leaf(&field.to);
        if !is_leaf && depth >= DEPTH {
            return;
        }
        // Every field has an alias of its own, so that no two with other arguments are merged.
        self.aliases += 1;
        let _ = write!(text, "a{}: {}", self.aliases, field.name);
        let arguments: Vec<String> = field
            .arguments
            .iter()
            .filter_map(|argument| self.argument(argument))
            .collect();
        if !arguments.is_empty() {
            let _ = write!(text, "({})", arguments.join(", "));
        }
        match self.random.below(12) {
            0 => text.push_str(" @include(if: $yes)"),
            1 => text.push_str(" @skip(if: $yes)"),
            _ => {}
        }
        text.push(' ');
        if !is_leaf {
            self.set(&field.to, depth, text);
        }
    }

    fn set(&mut self, of: &str, depth: usize, text: &mut String) {
        text.push_str("{ __typename ");
        let map = self.map;
        let concrete: Vec<String> = map.concrete(of).into_iter().map(str::to_owned).collect();
        for on in concrete {
            let is_abstract = on != of;
            // A fragment on the type itself is merged into the set.
            let has_fragment = is_abstract || self.random.once_in(5);
            if has_fragment {
                let _ = write!(text, "... on {on} {{ __typename ");
            }
            let fields: Vec<&Field> = map.fields(&on).collect();
            for _ in 0..=self.random.below(4) {
                if let Some(field) = self.random.pick(&fields) {
                    self.field(field, depth + 1, text);
                }
            }
            if has_fragment {
                text.push_str("} ");
            }
        }
        text.push_str("} ");
    }

    /// Returns an argument with a value: always if it is required, and often if it selects an object.
    fn argument(&mut self, argument: &Argument) -> Option<String> {
        let name = argument.name.as_str();
        let is_given = argument.is_required
            || match name {
                "slug" => !self.random.once_in(8),
                "first" => self.random.once_in(2),
                _ => self.random.once_in(8),
            };
        if !is_given || argument.is_list && !argument.is_required {
            return None;
        }
        let value = match argument.of.as_str() {
            "Slug" if name == "edition" => "\"ar\"".to_owned(),
            // Seldom a slug that cannot be one.
            "Slug" if self.random.once_in(30) => "\"NO SLUG\"".to_owned(),
            "Slug" => json!(self.random.pick(&self.values.slugs)?).to_string(),
            "ID" => json!(self.random.pick(&self.values.ids)?).to_string(),
            "Int" => self.random.pick(&["-1", "0", "1", "2", "5"])?.to_owned(),
            "Boolean" if self.random.once_in(2) => "$yes".to_owned(),
            "Boolean" => "false".to_owned(),
            // A cursor that is none.
            "String" if self.random.once_in(10) => "\"AAAA\"".to_owned(),
            of => {
                let values = &self.map.get(of)?.values;
                self.random.pick(values)?
            }
        };
        let value = if argument.is_list {
            format!("[{value}]")
        } else {
            value
        };
        Some(format!("{name}: {value}"))
    }
}
