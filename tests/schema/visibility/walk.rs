//! The walk: queries every path of a schema in two newsrooms, with all arguments that could expose
//! hidden content.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context as _, bail};
use khabar_tests::harness::schema_map::{Argument, Field, INTROSPECTION, Map};
use khabar_tests::harness::{TestApp, Who, newsroom};
use serde_json::Value;

use super::difference::{LISTS_OWN, beside_own, first_difference};
use super::hidden::Hidden;

/// Depth in fields of the selection for a root field with its usual arguments.
const DEPTH: usize = 4;

/// Depth of the selection for a root field whose arguments are being tried. One less for other fields.
const DEPTH_BELOW: usize = 3;

/// Number of items requested from each list.
const FIRST: usize = 3;

/// A query for the IDs of visible objects of every type.
pub(crate) const FIND: &str =
    "{ home { edition { ...I } liveChannels { ...I } followChannels { ...I }
    featuredSections { ...I } leadArticles { ...I hero { ...I } source { ...I } authors { ...I }
    topics { ...I } stories { ...I } section { ...I } comments(first: 3) { nodes { ...I } } } } }
    fragment I on Node { __typename id }";

/// Types that no asker of these tests may see. They are queried only by the IDs of hidden objects.
const INVISIBLE_TO_ALL: [&str; 1] = ["Token"];

/// Two newsrooms that differ only in their hidden content.
pub(crate) struct Walk {
    pub(crate) with: TestApp,
    pub(crate) without: TestApp,
    pub(crate) hidden: Vec<Hidden>,
    /// A query for the IDs of visible objects, if the schema has them.
    pub(crate) find: Option<&'static str>,
}

/// A viewer, and the index of the hidden article that they may see, if any.
pub(crate) struct QuerySender {
    pub(crate) who: Who,
    pub(crate) own: Option<usize>,
}

impl QuerySender {
    /// Creates an asker who may see none of the hidden content.
    pub(crate) fn of(who: Who) -> Self {
        Self { who, own: None }
    }
}

/// The results of a walk.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Number of documents executed.
    pub(crate) asked: usize,
    /// The fields that leaked hidden content, with the evidence for each.
    pub(crate) leaks: BTreeMap<String, String>,
    /// The fields that returned the asker's own hidden article.
    pub(crate) opened: BTreeSet<String>,
    /// The fields that returned a value other than null or an empty list.
    pub(crate) visited: BTreeSet<String>,
}

/// A query that tests one field.
struct FieldQuery {
    /// The name of the field as `Type.field`.
    field: String,
    document: String,
}

/// A field on a path, with its arguments.
#[derive(Clone)]
struct Step<'a> {
    on: &'a str,
    field: &'a Field,
    given: String,
}

/// The state of a walk.
struct WalkState<'a> {
    walk: &'a Walk,
    map: Map,
    ids: HashMap<String, Vec<String>>,
    /// Fields that are forbidden to the asker. They are omitted from selections.
    denied: BTreeSet<String>,
}

impl Walk {
    /// Walks the schema as an asker.
    pub(crate) async fn as_seen_by(&self, sender: &QuerySender) -> anyhow::Result<Report> {
        let map = Map::read(&self.without.ask(INTROSPECTION).await?.value()?)?;
        let mut ids = HashMap::new();
        if let Some(find) = self.find {
            collect(&self.without.ask(find).await?.value()?, &mut ids);
        }
        let mut state = WalkState {
            walk: self,
            map,
            ids,
            denied: BTreeSet::new(),
        };
        self.find_denied(&mut state, sender).await?;
        let mut report = Report::default();
        for query in state.questions(sender)? {
            self.ask(sender, &query, &mut report).await?;
        }
        Ok(report)
    }

    /// Finds the fields that are forbidden to the asker. Their errors may null the fields around them.
    async fn find_denied(
        &self,
        state: &mut WalkState<'_>,
        sender: &QuerySender,
    ) -> anyhow::Result<()> {
        loop {
            let before = state.denied.len();
            let mut denied = BTreeSet::new();
            for query in state.whole()? {
                let response = ask(&self.without, sender, &query.document).await?;
                for error in response["errors"].as_array().into_iter().flatten() {
                    let code = error["extensions"]["code"].as_str().unwrap_or_default();
                    // A forbidden root field is the only one in its document, so nothing else is lost.
                    if let Some([_, .., field]) = error["path"].as_array().map(Vec::as_slice)
                        && matches!(code, "FORBIDDEN" | "UNAUTHENTICATED")
                    {
                        // The alias of the field is `Type__field`.
                        denied.extend(field.as_str().map(|name| name.replacen("__", ".", 1)));
                    }
                }
            }
            state.denied.extend(denied);
            if state.denied.len() == before {
                return Ok(());
            }
        }
    }

    async fn ask(
        &self,
        sender: &QuerySender,
        query: &FieldQuery,
        report: &mut Report,
    ) -> anyhow::Result<()> {
        let document = &query.document;
        let with = ask(&self.with, sender, document).await?;
        let without = ask(&self.without, sender, document).await?;
        report.asked += 1;
        meet(&with["data"], &mut report.visited);
        let text = with.to_string();
        let mut tells = None;
        for (at, hidden) in self.hidden.iter().enumerate() {
            let is_listed = query.field == LISTS_OWN && sender.own == Some(at);
            let is_named = hidden.is_named(document) || is_listed;
            let is_own = is_named && sender.own == Some(at);
            if is_own && text.contains(&hidden.text) {
                report.opened.insert(query.field.clone());
            }
            if text.contains(&hidden.text) && !is_own {
                tells = Some(format!("it holds {}", hidden.text));
            }
            if text.contains(&hidden.slug) && !is_own {
                tells = Some(format!("it holds {}", hidden.slug));
            }
        }
        let may_differ = |(at, hidden): (usize, &Hidden)| {
            (hidden.is_stone || sender.own == Some(at)) && hidden.is_named(document)
        };
        let own = sender.own.and_then(|own| self.hidden.get(own));
        if let (LISTS_OWN, Some(own)) = (query.field.as_str(), own) {
            if let Some(other) = beside_own(&with["data"], &without["data"], own) {
                tells = tells.or(Some(other));
            }
        } else if with != without && !self.hidden.iter().enumerate().any(may_differ) {
            let (one, other) = (
                first_difference(&with, &without),
                first_difference(&without, &with),
            );
            tells = tells.or(Some(format!("{one}\n  where nothing is hidden: {other}")));
        }
        if let Some(tells) = tells {
            let shown: String = document.chars().take(300).collect();
            let said = format!("{}: {tells}\n  asked by {shown}", query.field);
            report.leaks.entry(query.field.clone()).or_insert(said);
        }
        Ok(())
    }
}

async fn ask(app: &TestApp, sender: &QuerySender, document: &str) -> anyhow::Result<Value> {
    let answered = app.ask_as(&sender.who, newsroom::now(), document, &Value::Null);
    answered.await?.value()
}

impl WalkState<'_> {
    /// Returns all the queries of the walk.
    fn questions(&self, sender: &QuerySender) -> anyhow::Result<Vec<FieldQuery>> {
        let mut all = self.whole()?;
        let root = self.map.root.as_str();
        let mut seen = BTreeSet::new();
        let mut open: Vec<Vec<Step<'_>>> = Vec::new();
        for field in self.map.fields(root) {
            for given in self.argument_combinations(field)? {
                all.push(self.query(&[], root, field, &given, DEPTH_BELOW)?);
            }
            for (_, given) in self.usual_at_root(field)? {
                open.push(vec![Step {
                    on: root,
                    field,
                    given,
                }]);
            }
        }
        // Access to own articles is decided at the root. Fields below do not depend on the asker.
        if sender.own.is_some() {
            return Ok(all);
        }
        // Every other field with arguments, on the shortest path to it.
        let mut next = 0;
        while next < open.len() {
            let path = open[next].clone();
            next += 1;
            let Some(last) = path.last() else { continue };
            for on in self.map.concrete(&last.field.to) {
                for field in self.map.fields(on) {
                    let name = format!("{on}.{}", field.name);
                    if !seen.insert(name) {
                        continue;
                    }
                    for given in self.argument_combinations(field)? {
                        all.push(self.query(&path, on, field, &given, DEPTH_BELOW - 1)?);
                    }
                    if !self.map.is_leaf(&field.to) {
                        let given = self.usual(field)?;
                        let mut longer = path.clone();
                        longer.push(Step { on, field, given });
                        open.push(longer);
                    }
                }
            }
        }
        Ok(all)
    }

    /// Returns a query for each root field, with its usual arguments, that selects everything below it.
    fn whole(&self) -> anyhow::Result<Vec<FieldQuery>> {
        let root = self.map.root.as_str();
        let mut all = Vec::new();
        for field in self.map.fields(root) {
            for (_, given) in self.usual_at_root(field)? {
                all.push(self.query(&[], root, field, &given, DEPTH)?);
            }
        }
        Ok(all)
    }

    fn query(
        &self,
        path: &[Step<'_>],
        on: &str,
        field: &Field,
        given: &str,
        depth: usize,
    ) -> anyhow::Result<FieldQuery> {
        let mut selection = self.selected(on, field, given, depth)?;
        let mut of = on;
        for (at, step) in path.iter().enumerate().rev() {
            let inside = if step.field.to == of {
                format!("{{ __typename {selection} }}")
            } else {
                format!("{{ __typename ... on {of} {{ {selection} }} }}")
            };
            selection = format!(
                "{}__{}: {}{} {inside}",
                step.on, step.field.name, step.field.name, step.given
            );
            of = path[at].on;
        }
        Ok(FieldQuery {
            field: format!("{on}.{}", field.name),
            document: format!("{{ {selection} }}"),
        })
    }

    /// Returns the selection of a field and everything below it, down to `depth` fields.
    fn selected(
        &self,
        on: &str,
        field: &Field,
        given: &str,
        depth: usize,
    ) -> anyhow::Result<String> {
        let below = self.below(&field.to, depth - 1)?;
        Ok(format!(
            "{on}__{}: {}{given}{below}",
            field.name, field.name
        ))
    }

    fn below(&self, to: &str, depth: usize) -> anyhow::Result<String> {
        if self.map.is_leaf(to) {
            return Ok(String::new());
        }
        let mut text = " { __typename".to_owned();
        for of in self.map.concrete(to) {
            let mut inside = String::new();
            for field in self.map.fields(of) {
                let is_denied = self.denied.contains(&format!("{of}.{}", field.name));
                if is_denied || (depth == 0 && !self.map.is_leaf(&field.to)) {
                    continue;
                }
                let given = self.usual(field)?;
                inside.push(' ');
                inside.push_str(&self.selected(of, field, &given, depth.max(1))?);
            }
            if of == to {
                text.push_str(&inside);
            } else if !inside.is_empty() {
                text.extend([" ... on ", of, " {", &inside, " }"]);
            }
        }
        text.push_str(" }");
        Ok(text)
    }

    /// Returns the usual arguments of a root field, once for each type that it may return by ID.
    fn usual_at_root<'f>(&'f self, field: &'f Field) -> anyhow::Result<Vec<(&'f str, String)>> {
        let (id, ids) = (field.takes("id"), field.takes("ids"));
        if !(id || ids) || self.ids.is_empty() {
            return Ok(vec![(&field.to, self.usual(field)?)]);
        }
        let kinds = self.map.concrete(&field.to).into_iter();
        let each = kinds.filter(|to| !INVISIBLE_TO_ALL.contains(to)).map(|to| {
            let known = self.ids.get(to);
            let known = known.with_context(|| format!("no {to} was found: extend FIND"))?;
            let given = if id {
                format!("(id: {:?})", known[0])
            } else {
                format!("(ids: {:?})", &known[..known.len().min(FIRST)])
            };
            Ok((to, given))
        });
        each.collect()
    }

    /// Returns the usual arguments of a field: those that are required, and `first` if it exists.
    fn usual(&self, field: &Field) -> anyhow::Result<String> {
        let mut given = Vec::new();
        for argument in &field.arguments {
            if argument.name == "first" {
                given.push(format!("first: {FIRST}"));
            } else if argument.is_required {
                given.push(format!("{}: {}", argument.name, self.plain(argument)?));
            }
        }
        Ok(written(&given))
    }

    /// Returns an ordinary value for a required argument.
    fn plain(&self, argument: &Argument) -> anyhow::Result<String> {
        let value = match argument.of.as_str() {
            "Int" => "1".to_owned(),
            "Boolean" => "true".to_owned(),
            "ID" => format!(
                "{:?}",
                self.ids
                    .values()
                    .flatten()
                    .next()
                    .map_or("x", String::as_str)
            ),
            "String" | "Slug" => "\"x\"".to_owned(),
            of => match self.map.get(of).and_then(|of| of.values.first()) {
                Some(first) => first.clone(),
                None => bail!("{}: say here what a {of} is to be", argument.name),
            },
        };
        Ok(if argument.is_list {
            format!("[{value}]")
        } else {
            value
        })
    }

    /// Returns the arguments to try on a field: each of its arguments in turn, with each value that might
    /// expose hidden content.
    fn argument_combinations(&self, field: &Field) -> anyhow::Result<Vec<String>> {
        let mut all = Vec::new();
        for argument in &field.arguments {
            for value in self.values(argument, 2) {
                let mut given = vec![format!("{}: {value}", argument.name)];
                for other in &field.arguments {
                    if other.is_required && other.name != argument.name {
                        given.push(format!("{}: {}", other.name, self.plain(other)?));
                    }
                }
                all.push(written(&given));
            }
        }
        Ok(all)
    }

    fn values(&self, argument: &Argument, depth: usize) -> Vec<String> {
        let hidden = &self.walk.hidden;
        let quoted = |of: fn(&Hidden) -> &[String]| {
            let each = hidden.iter().flat_map(of);
            each.map(|value| format!("{value:?}")).collect::<Vec<_>>()
        };
        let values = match argument.of.as_str() {
            "ID" => quoted(|it| &it.ids),
            "Slug" => quoted(|it| &it.slugs),
            "Url" => quoted(|it| &it.urls),
            "String" => quoted(|it| &it.cursors),
            "Boolean" => vec!["true".to_owned(), "false".to_owned()],
            "Int" => vec!["100".to_owned()],
            of => match self.map.get(of) {
                Some(of) if !of.values.is_empty() => of.values.clone(),
                Some(of) if depth > 0 => {
                    let members = of.inputs.iter().flat_map(|member| {
                        let values = self.values(member, depth - 1).into_iter();
                        values.map(|value| format!("{{{}: {value}}}", member.name))
                    });
                    members.collect()
                }
                _ => Vec::new(),
            },
        };
        if argument.is_list {
            values
                .into_iter()
                .map(|value| format!("[{value}]"))
                .collect()
        } else {
            values
        }
    }
}

fn written(given: &[String]) -> String {
    if given.is_empty() {
        String::new()
    } else {
        format!("({})", given.join(", "))
    }
}

/// Collects the IDs of all objects in a response, by type.
fn collect(value: &Value, ids: &mut HashMap<String, Vec<String>>) {
    if let (Some(of), Some(id)) = (value["__typename"].as_str(), value["id"].as_str()) {
        let known = ids.entry(of.to_owned()).or_default();
        if !known.iter().any(|known| known == id) {
            known.push(id.to_owned());
        }
    }
    match value {
        Value::Object(members) => members.values().for_each(|it| collect(it, ids)),
        Value::Array(items) => items.iter().for_each(|it| collect(it, ids)),
        _ => {}
    }
}

/// Collects the fields of a response with a value other than null or an empty list.
fn meet(value: &Value, visited: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                let is_empty = value.is_null() || value.as_array().is_some_and(Vec::is_empty);
                if !is_empty && name != "__typename" {
                    visited.insert(name.replacen("__", ".", 1));
                }
                meet(value, visited);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| meet(item, visited)),
        _ => {}
    }
}
