//! The walk: every path of a schema, asked of newsrooms of several sizes, and what it cost.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use khabar_domain::Role;
use khabar_tests::harness::{Answered, TestApp, Who, newsroom};
use serde_json::Value;
use tokio::task::JoinSet;

use super::map::{Field, INTROSPECTION, Map};

/// How many items of each list are asked for. Three levels of it stay below what one batch holds.
const FIRST: usize = 3;

/// Finds a thing of every kind in one edition, so that it can be asked for by its id. The first of
/// each kind is used most.
pub(crate) const FIND: &str = "query ($edition: Slug!) { home(edition: $edition) {
    edition { ...I } liveChannels { ...I } followChannels { ...I } featuredSections { ...I }
    leadArticles { ...I hero { ...I } source { ...I } authors { ...I } topics { ...I } stories { ...I }
        section { ...I } comments(orderBy: OLDEST, first: 3) { nodes { ...I } } } } }
    fragment I on Node { __typename id }";

/// A newsroom to walk through.
pub(crate) struct Ground {
    app: TestApp,
    /// Who walks: somebody to whom nothing is closed.
    who: Who,
    editions: usize,
    /// By edition and type.
    ids: HashMap<(usize, String), Vec<String>>,
}

impl Ground {
    /// An API over so many editions; `find` is asked for each, for the ids of what is in it.
    pub(crate) async fn new(
        app: TestApp,
        editions: usize,
        find: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut ids = HashMap::new();
        let mut who = Who::anonymous();
        if let Some(find) = find {
            who = app.who("السائرة", Role::Admin).await?;
            for edition in 1..=editions {
                let variables = serde_json::json!({"edition": slug(edition)});
                let answer = app.ask_with(find, &variables).await?.value()?;
                ensure!(answer["errors"].is_null(), "{answer}");
                collect(&answer["data"], edition, &mut ids);
            }
            comment(&app, &who, &ids).await?;
            for edition in 1..=editions {
                let token = token(&app, &who, edition).await?;
                ids.insert((edition, "Token".to_owned()), vec![token]);
            }
        }
        Ok(Self {
            app,
            who,
            editions,
            ids,
        })
    }

    async fn ask(&self, document: &str) -> anyhow::Result<Answered> {
        self.app
            .ask_as(&self.who, newsroom::now(), document, &Value::Null)
            .await
    }
}

/// Says something in the first edition, so that the walker has comments of their own.
async fn comment(
    app: &TestApp,
    who: &Who,
    ids: &HashMap<(usize, String), Vec<String>>,
) -> anyhow::Result<()> {
    const POST: &str = "mutation ($input: PostCommentInput!) { postComment(input: $input) {
        comment { id } userErrors { message } } }";
    let articles = ids.get(&(1, "Article".to_owned()));
    let article = articles.and_then(|ids| ids.first()).context("no article")?;
    let input = serde_json::json!({"input": {"article": article, "text": "كلمة"}});
    let answer = app
        .ask_as(who, newsroom::now(), POST, &input)
        .await?
        .value()?;
    let said = &answer["data"]["postComment"]["comment"];
    ensure!(said.is_object(), "{answer}");
    Ok(())
}

/// Gives out a token, and has its id: tokens are of no edition, and each is as good as one of it.
async fn token(app: &TestApp, who: &Who, edition: usize) -> anyhow::Result<String> {
    const GIVE: &str = "mutation ($input: CreateTokenInput!) { createToken(input: $input) {
        token { id } userErrors { message } } }";
    let name = format!("حامل {edition}");
    let input = serde_json::json!({"input": {"name": name, "role": "READER"}});
    let answer = app
        .ask_as(who, newsroom::now(), GIVE, &input)
        .await?
        .value()?;
    let id = answer["data"]["createToken"]["token"]["id"].as_str();
    Ok(id.with_context(|| answer.to_string())?.to_owned())
}

fn slug(edition: usize) -> String {
    format!("e-{edition}")
}

/// Every object's id, by its edition and type.
fn collect(value: &Value, edition: usize, ids: &mut HashMap<(usize, String), Vec<String>>) {
    if let (Some(of), Some(id)) = (value["__typename"].as_str(), value["id"].as_str()) {
        let known = ids.entry((edition, of.to_owned())).or_default();
        if !known.iter().any(|known| known == id) {
            known.push(id.to_owned());
        }
    }
    match value {
        Value::Object(members) => members.values().for_each(|it| collect(it, edition, ids)),
        Value::Array(items) => items.iter().for_each(|it| collect(it, edition, ids)),
        _ => {}
    }
}

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How many paths were walked.
    pub(crate) paths: usize,
    /// Every field that leads on, as `Type.field`.
    pub(crate) fields: BTreeSet<String>,
    /// The fields whose statements grow with their parents, each with how that was seen.
    pub(crate) grown: BTreeMap<String, String>,
    /// For how many parents a field had data, on the path on which it had most.
    pub(crate) met: BTreeMap<String, usize>,
}

impl Report {
    /// For how many parents this field had data.
    pub(crate) fn met(&self, field: &str) -> usize {
        self.met.get(field).copied().unwrap_or(0)
    }

    fn add(&mut self, other: Self) {
        self.paths += other.paths;
        self.fields.extend(other.fields);
        self.grown.extend(other.grown);
        for (field, met) in other.met {
            let most = self.met.entry(field).or_default();
            *most = met.max(*most);
        }
    }
}

/// One step of a path: a field, and the type that has it.
#[derive(Clone, Copy)]
struct Step<'a> {
    on: &'a str,
    field: &'a Field,
}

impl Step<'_> {
    fn name(&self) -> String {
        format!("{}.{}", self.on, self.field.name)
    }
}

/// A path, and the type at its end.
#[derive(Clone)]
struct Path<'a> {
    steps: Vec<Step<'a>>,
    end: &'a str,
}

/// Walks every path of at most so many fields, in two halves at the same time.
pub(crate) async fn walk(grounds: Vec<Ground>, depth: usize) -> anyhow::Result<Report> {
    const HALVES: usize = 2;
    let grounds = Arc::new(grounds);
    let first = grounds.first().context("there is nowhere to walk")?;
    let map = Arc::new(Map::read(&first.app.ask(INTROSPECTION).await?.value()?)?);
    let mut halves = JoinSet::new();
    for half in 0..HALVES {
        let (map, grounds) = (Arc::clone(&map), Arc::clone(&grounds));
        halves.spawn(async move {
            let mut report = Report::default();
            let paths = paths(&map, depth);
            for path in paths.iter().skip(half).step_by(HALVES) {
                let walker = Walker {
                    map: &map,
                    grounds: &grounds,
                };
                walker.walk(path, &mut report).await?;
            }
            anyhow::Ok(report)
        });
    }
    let mut report = Report::default();
    while let Some(half) = halves.join_next().await {
        report.add(half??);
    }
    Ok(report)
}

/// Every path of at most so many fields: also those that could be longer, for what ends there.
fn paths(map: &Map, depth: usize) -> Vec<Path<'_>> {
    let mut all = Vec::new();
    let mut open = vec![Path {
        steps: Vec::new(),
        end: &map.root,
    }];
    while let Some(path) = open.pop() {
        if path.steps.len() < depth {
            open.extend(longer(map, &path));
        }
        if !path.steps.is_empty() {
            all.push(path);
        }
    }
    all
}

fn longer<'a>(map: &'a Map, path: &Path<'a>) -> Vec<Path<'a>> {
    let mut longer = Vec::new();
    for field in map.edges(path.end) {
        for end in map.concrete(&field.to) {
            let mut steps = path.steps.clone();
            steps.push(Step {
                on: path.end,
                field,
            });
            longer.push(Path { steps, end });
        }
    }
    longer
}

struct Walker<'a> {
    map: &'a Map,
    grounds: &'a [Ground],
}

impl Walker<'_> {
    /// Asks for a path and, at its end, for everything that ends there.
    async fn walk(&self, path: &Path<'_>, report: &mut Report) -> anyhow::Result<()> {
        report.paths += 1;
        report.fields.extend(path.steps.iter().map(Step::name));
        let leaves: Vec<_> = self.map.leaves(path.end).collect();
        let (costs, answer) = self.ask(path, &leaves).await?;
        self.count_met(path, &answer, report);
        if grows(&costs) {
            let (field, seen) = self.guilty(path, &leaves).await?;
            report.grown.insert(field, seen);
        }
        Ok(())
    }

    /// The statements that it took for each size, and the answer for the largest.
    async fn ask(
        &self,
        path: &Path<'_>,
        leaves: &[&Field],
    ) -> anyhow::Result<(Vec<Vec<&'static str>>, Value)> {
        let (mut costs, mut last) = (Vec::new(), Value::Null);
        for ground in self.grounds {
            let document = Self::document(ground, path, leaves)?;
            let answered = ground.ask(&document).await?;
            last = answered.value()?;
            ensure!(last["errors"].is_null(), "{document}\n{}", last["errors"]);
            costs.push(answered.statements);
        }
        Ok((costs, last))
    }

    /// Which field of a path makes its statements grow: the shortest beginning that does.
    async fn guilty(&self, path: &Path<'_>, leaves: &[&Field]) -> anyhow::Result<(String, String)> {
        for length in 1..=path.steps.len() {
            let beginning = Path {
                steps: path.steps[..length].to_vec(),
                end: path.steps.get(length).map_or(path.end, |next| next.on),
            };
            let (costs, _) = self.ask(&beginning, &[]).await?;
            if grows(&costs) {
                let field = path.steps[length - 1].name();
                return Ok((field, said(&beginning, None, &costs)));
            }
        }
        for leaf in leaves {
            let (costs, _) = self.ask(path, &[leaf]).await?;
            if grows(&costs) {
                let field = format!("{}.{}", path.end, leaf.name);
                return Ok((field, said(path, Some(leaf), &costs)));
            }
        }
        let (costs, _) = self.ask(path, leaves).await?;
        let field = format!("{}, all of it together", path.end);
        Ok((field, said(path, None, &costs)))
    }

    fn document(ground: &Ground, path: &Path<'_>, leaves: &[&Field]) -> anyhow::Result<String> {
        let root = path.steps.first().context("a path without a step")?;
        let after = path.steps.get(1).map_or(path.end, |step| step.on);
        let inner = Self::selection(&path.steps, 1, path.end, leaves)?;
        let mut document = "{".to_owned();
        // A field that takes nothing has as many children as the newsroom has editions.
        let repeats = if root.field.arguments.is_empty() {
            1
        } else {
            ground.editions
        };
        for edition in 1..=repeats {
            let arguments = arguments_of_root(ground, root.field, edition, after)?;
            let name = &root.field.name;
            document.extend([&format!(" r{edition}: "), name, &arguments, " ", &inner]);
        }
        document += " }";
        Ok(document)
    }

    /// What is selected below the step before `at`.
    fn selection(
        steps: &[Step<'_>],
        at: usize,
        end: &str,
        leaves: &[&Field],
    ) -> anyhow::Result<String> {
        let declared = &steps[at - 1].field.to;
        let (on, inside) = if let Some(step) = steps.get(at) {
            let arguments = arguments(step.field)?;
            let inner = Self::selection(steps, at + 1, end, leaves)?;
            (step.on, format!("{}{arguments} {inner}", step.field.name))
        } else {
            let names: Vec<_> = leaves.iter().map(|leaf| leaf.name.as_str()).collect();
            (end, names.join(" "))
        };
        Ok(if on == declared {
            format!("{{ __typename {inside} }}")
        } else {
            // Some type conditions have nothing inside but the name, which is never wrong.
            format!("{{ __typename ... on {on} {{ __typename {inside} }} }}")
        })
    }

    /// Counts the parents for which each field of a path had data.
    fn count_met(&self, path: &Path<'_>, answer: &Value, report: &mut Report) {
        let mut parents: Vec<&Value> = Vec::new();
        let Some(data) = answer["data"].as_object() else {
            return;
        };
        for (at, step) in path.steps.iter().enumerate() {
            let children: Vec<&Value> = if at == 0 {
                data.values().collect()
            } else {
                let of_type = parents.iter().filter(|it| it["__typename"] == step.on);
                of_type.map(|it| &it[&step.field.name]).collect()
            };
            let next = path.steps.get(at + 1).map(|next| next.field.name.as_str());
            let met = children
                .iter()
                .filter(|child| self.is_data(step, child, next));
            let met = if at == 0 && data.len() == 1 {
                // One root for all editions: its children stand for them.
                children
                    .iter()
                    .map(|child| child.as_array().map_or(0, Vec::len))
                    .sum()
            } else {
                met.count()
            };
            let most = report.met.entry(step.name()).or_default();
            *most = met.max(*most);
            parents = children
                .into_iter()
                .flat_map(|child| match child {
                    Value::Array(items) => items.iter().collect(),
                    one => vec![one],
                })
                .filter(|child| child.is_object())
                .collect();
        }
    }

    /// Whether a field's value says anything. A page of nothing says nothing, and of one whose
    /// items were not asked for nobody knows.
    fn is_data(&self, step: &Step<'_>, value: &Value, next: Option<&str>) -> bool {
        match value {
            Value::Null => false,
            Value::Array(items) => items.iter().any(|item| !item.is_null()),
            page if self.map.is_connection(&step.field.to) => next
                .is_some_and(|next| page[next].as_array().is_some_and(|items| !items.is_empty())),
            _ => true,
        }
    }
}

/// What a field below the root is given: a size or a version, where it takes one.
fn arguments(field: &Field) -> anyhow::Result<String> {
    let mut given = Vec::new();
    for argument in &field.arguments {
        match argument.name.as_str() {
            "first" => given.push(format!("first: {FIRST}")),
            // Every article that has texts has two.
            "version" | "from" => given.push(format!("{}: 1", argument.name)),
            "to" => given.push("to: 2".to_owned()),
            name if argument.required => bail!("{} needs `{name}`: say here what", field.name),
            _ => {}
        }
    }
    Ok(written(&given))
}

/// What a root field is given, so that it leads into this edition, to an object of type `to`.
fn arguments_of_root(
    ground: &Ground,
    field: &Field,
    edition: usize,
    to: &str,
) -> anyhow::Result<String> {
    let takes = |name: &str| field.arguments.iter().any(|argument| argument.name == name);
    let ids = || {
        let ids = ground.ids.get(&(edition, to.to_owned()));
        ids.with_context(|| format!("no {to} was found in edition {edition}: extend FIND"))
    };
    let mut given = Vec::new();
    for argument in &field.arguments {
        match argument.name.as_str() {
            "id" => given.push(format!("id: {:?}", ids()?[0])),
            "ids" => given.push(format!("ids: {:?}", &ids()?[..ids()?.len().min(FIRST)])),
            "edition" if !takes("id") => given.push(format!("edition: {:?}", slug(edition))),
            "first" => given.push(format!("first: {FIRST}")),
            name if argument.required => bail!("{} needs `{name}`: say here what", field.name),
            _ => {}
        }
    }
    Ok(written(&given))
}

fn written(given: &[String]) -> String {
    if given.is_empty() {
        String::new()
    } else {
        format!("({})", given.join(", "))
    }
}

/// Whether the most parents take more statements than one does. A level may be split in two: what
/// was known already asks on while its siblings are still fetched. That is one statement more for
/// each level of a path, however many parents there are, and no growth; a field that asks for each
/// parent sends nineteen more at least.
fn grows(costs: &[Vec<&'static str>]) -> bool {
    const LEVELS: usize = 4;
    let (Some(first), Some(last)) = (costs.first(), costs.last()) else {
        return false;
    };
    last.len() > first.len() + LEVELS
}

/// How it was seen that statements grow: the path, how many there were, and which there are more of.
fn said(path: &Path<'_>, leaf: Option<&Field>, costs: &[Vec<&'static str>]) -> String {
    let mut names: Vec<_> = path
        .steps
        .iter()
        .map(|step| step.field.name.as_str())
        .collect();
    names.extend(leaf.map(|leaf| leaf.name.as_str()));
    let lengths: Vec<_> = costs.iter().map(|cost| cost.len().to_string()).collect();
    let count = |cost: &[&str], name: &str| cost.iter().filter(|it| **it == name).count();
    let mut more: BTreeSet<&str> = BTreeSet::new();
    if let [first, .., last] = costs {
        more.extend(
            last.iter()
                .copied()
                .filter(|it| count(last, it) > count(first, it)),
        );
    }
    format!(
        "{}: {} statements; more and more to {more:?}",
        names.join(" → "),
        lengths.join(", ")
    )
}
