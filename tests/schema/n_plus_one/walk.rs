//! Walks every path of a schema in newsrooms of several sizes, and counts the SQL statements.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use khabar_domain::Role;
use khabar_tests::harness::schema_map::{Field, INTROSPECTION, Map};
use khabar_tests::harness::{TestApp, TestResponse, Who, newsroom};
use serde_json::Value;
use tokio::task::JoinSet;

/// Number of items requested from each list. Three nested lists still fit in one batch.
const FIRST: usize = 3;

/// Finds objects of every kind in one edition, so that they can be requested by ID. The first object of
/// each kind is used most.
pub(crate) const FIND: &str = "query ($edition: Slug!) { home(edition: $edition) {
    edition { ...I } liveChannels { ...I } followChannels { ...I } featuredSections { ...I }
    leadArticles { ...I hero { ...I } source { ...I } authors { ...I } topics { ...I } stories { ...I }
        section { ...I } comments(orderBy: OLDEST, first: 3) { nodes { ...I } } } } }
    fragment I on Node { __typename id }";

/// A newsroom to walk through.
pub(crate) struct Playground {
    app: TestApp,
    /// Sender of the queries: an administrator, or anonymous if there is no `find` query.
    who: Who,
    editions: usize,
    /// IDs of the objects found, by edition and type.
    ids: HashMap<(usize, String), Vec<String>>,
}

impl Playground {
    /// Prepares an API with this number of editions. If `find` is given, it is run for each edition to
    /// collect object IDs.
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
                let response = app.ask_with(find, &variables).await?.value()?;
                ensure!(response["errors"].is_null(), "{response}");
                collect(&response["data"], edition, &mut ids);
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

    async fn ask(&self, document: &str) -> anyhow::Result<TestResponse> {
        self.app
            .ask_as(&self.who, newsroom::now(), document, &Value::Null)
            .await
    }
}

/// Posts a comment in the first edition, so that the sender of the queries has comments of their own.
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
    let response = app
        .ask_as(who, newsroom::now(), POST, &input)
        .await?
        .value()?;
    let said = &response["data"]["postComment"]["comment"];
    ensure!(said.is_object(), "{response}");
    Ok(())
}

/// Creates a token and returns its ID. Tokens do not belong to an edition, so each edition is assigned
/// one.
async fn token(app: &TestApp, who: &Who, edition: usize) -> anyhow::Result<String> {
    const GIVE: &str = "mutation ($input: CreateTokenInput!) { createToken(input: $input) {
        token { id } userErrors { message } } }";
    let name = format!("حامل {edition}");
    let input = serde_json::json!({"input": {"name": name, "role": "READER"}});
    let response = app
        .ask_as(who, newsroom::now(), GIVE, &input)
        .await?
        .value()?;
    let id = response["data"]["createToken"]["token"]["id"].as_str();
    Ok(id.with_context(|| response.to_string())?.to_owned())
}

fn slug(edition: usize) -> String {
    format!("e-{edition}")
}

/// Collects the ID of every object in an answer, by edition and type.
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

/// The result of a walk.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Number of paths walked.
    pub(crate) paths: usize,
    /// Fields that lead to further objects, as `Type.field`.
    pub(crate) fields: BTreeSet<String>,
    /// Fields whose number of statements grows with the number of parents, each with the evidence.
    pub(crate) grown: BTreeMap<String, String>,
    /// Number of parents for which each field had data, on the path where it had the most.
    pub(crate) visited: BTreeMap<String, usize>,
}

impl Report {
    /// Returns the number of parents for which this field had data. Zero if it was never reached.
    pub(crate) fn visited(&self, field: &str) -> usize {
        self.visited.get(field).copied().unwrap_or(0)
    }

    fn add(&mut self, other: Self) {
        self.paths += other.paths;
        self.fields.extend(other.fields);
        self.grown.extend(other.grown);
        for (field, visited) in other.visited {
            let most = self.visited.entry(field).or_default();
            *most = visited.max(*most);
        }
    }
}

/// A step of a path: a field and the type it is selected on.
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

/// Walks every path of up to `depth` fields. Two tasks walk half of the paths each, concurrently.
pub(crate) async fn walk(grounds: Vec<Playground>, depth: usize) -> anyhow::Result<Report> {
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

/// Returns every path of one to `depth` fields. Paths that could be extended are included too, to cover
/// the leaf fields at their end.
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
    grounds: &'a [Playground],
}

impl Walker<'_> {
    /// Requests a path with all leaf fields of its last type, and adds the result to the report.
    async fn walk(&self, path: &Path<'_>, report: &mut Report) -> anyhow::Result<()> {
        report.paths += 1;
        report.fields.extend(path.steps.iter().map(Step::name));
        let leaves: Vec<_> = self.map.leaves(path.end).collect();
        let (costs, response) = self.ask(path, &leaves).await?;
        self.count_visited(path, &response, report);
        if grows(&costs) {
            let (field, seen) = self.culprit(path, &leaves).await?;
            report.grown.insert(field, seen);
        }
        Ok(())
    }

    /// Returns the statements sent in each newsroom, and the answer of the largest newsroom.
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

    /// Finds the field that makes the statements grow: the last field of the shortest prefix that
    /// grows, or else a leaf field. If no single field does, names the last type of the path.
    async fn culprit(
        &self,
        path: &Path<'_>,
        leaves: &[&Field],
    ) -> anyhow::Result<(String, String)> {
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

    fn document(ground: &Playground, path: &Path<'_>, leaves: &[&Field]) -> anyhow::Result<String> {
        let root = path.steps.first().context("a path without a step")?;
        let after = path.steps.get(1).map_or(path.end, |step| step.on);
        let inner = Self::selection(&path.steps, 1, path.end, leaves)?;
        let mut document = "{".to_owned();
        // A root field without arguments returns the objects of all editions.
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

    /// Builds the selection set of the step before `at`.
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
            // A selection set must not be empty. `__typename` can always be selected.
            format!("{{ __typename ... on {on} {{ __typename {inside} }} }}")
        })
    }

    /// Counts the parents for which each field of a path had data.
    fn count_visited(&self, path: &Path<'_>, response: &Value, report: &mut Report) {
        let mut parents: Vec<&Value> = Vec::new();
        let Some(data) = response["data"].as_object() else {
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
            let visited = children
                .iter()
                .filter(|child| self.is_data(step, child, next));
            let visited = if at == 0 && data.len() == 1 {
                // A single root field covers all editions, so its list items are counted instead.
                children
                    .iter()
                    .map(|child| child.as_array().map_or(0, Vec::len))
                    .sum()
            } else {
                visited.count()
            };
            let most = report.visited.entry(step.name()).or_default();
            *most = visited.max(*most);
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

    /// Whether a field's value contains data. An empty page does not. A page whose items were not
    /// requested counts as empty.
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

/// Writes the arguments of a field below the root: a page size or versions, if it takes them.
fn arguments(field: &Field) -> anyhow::Result<String> {
    let mut given = Vec::new();
    for argument in &field.arguments {
        match argument.name.as_str() {
            "first" => given.push(format!("first: {FIRST}")),
            // Every article with stored versions has two of them.
            "version" | "from" => given.push(format!("{}: 1", argument.name)),
            "to" => given.push("to: 2".to_owned()),
            name if argument.is_required => bail!("{} needs `{name}`: say here what", field.name),
            _ => {}
        }
    }
    Ok(written(&given))
}

/// Writes the arguments of a root field so that it leads to an object of type `to` in this edition.
fn arguments_of_root(
    ground: &Playground,
    field: &Field,
    edition: usize,
    to: &str,
) -> anyhow::Result<String> {
    let ids = || {
        let ids = ground.ids.get(&(edition, to.to_owned()));
        ids.with_context(|| format!("no {to} was found in edition {edition}: extend FIND"))
    };
    let mut given = Vec::new();
    for argument in &field.arguments {
        match argument.name.as_str() {
            "id" => given.push(format!("id: {:?}", ids()?[0])),
            "ids" => given.push(format!("ids: {:?}", &ids()?[..ids()?.len().min(FIRST)])),
            "edition" if !field.takes("id") => given.push(format!("edition: {:?}", slug(edition))),
            "first" => given.push(format!("first: {FIRST}")),
            name if argument.is_required => bail!("{} needs `{name}`: say here what", field.name),
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

/// Whether the largest newsroom takes more statements than the smallest. One extra statement per level
/// of a path is tolerated: a level may be split in two, because loads whose keys are already known
/// start while siblings are still being fetched. That does not depend on the number of parents. A field
/// that queries once per parent sends at least nineteen more statements.
fn grows(costs: &[Vec<&'static str>]) -> bool {
    const LEVELS: usize = 4;
    let (Some(first), Some(last)) = (costs.first(), costs.last()) else {
        return false;
    };
    last.len() > first.len() + LEVELS
}

/// Describes the growth: the path, the number of statements in each newsroom, and the statements that
/// increased.
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
