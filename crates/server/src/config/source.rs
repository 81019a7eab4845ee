//! Where values come from besides the file: variables and flags, each of which names itself.

use config::{ConfigError, Map, Source, Value};

/// `KHABAR_…` variables; `__` stands for the dot of a key. Other names that begin so are left
/// alone: they belong to others, such as the tests.
#[derive(Clone, Debug)]
pub(super) struct Environment(Vec<(String, String, String)>);

impl Environment {
    pub(super) fn new(
        variables: impl IntoIterator<Item = (String, String)>,
        known: &[String],
    ) -> Self {
        let key = |name: &str| {
            Some(
                name.strip_prefix("KHABAR_")?
                    .to_lowercase()
                    .replace("__", "."),
            )
        };
        let found = variables
            .into_iter()
            .filter_map(|(name, value)| Some((key(&name)?, name, value)));
        // A list that is empty by default is not among the defaults' entries.
        let is_known = |key: &String| {
            known.contains(key) || LISTS.contains(&key.as_str()) || key.starts_with(TARGETS)
        };
        Self(found.filter(|(key, _, _)| is_known(key)).collect())
    }
}

/// What is below it has names of its owner's choice.
const TARGETS: &str = "purge.";

/// The keys that hold a list.
const LISTS: [&str; 4] = [
    "auth.trusted_proxies",
    "graphql.cache.surrogate",
    "http.cors.origins",
    "replicas",
];

impl Source for Environment {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let named = |(key, name, value): &(String, String, String)| {
            let origin = format!("variable {name}");
            // A list in one variable is separated by commas; no value of ours holds one otherwise.
            let value = if LISTS.contains(&key.as_str()) {
                let items: Vec<Value> = value
                    .split(',')
                    .filter(|item| !item.is_empty())
                    .map(|item| Value::new(Some(&origin), item.to_owned()))
                    .collect();
                Value::new(Some(&origin), items)
            } else {
                Value::new(Some(&origin), value.clone())
            };
            (key.clone(), value)
        };
        Ok(self.0.iter().map(named).collect())
    }
}

/// What the command line set.
#[derive(Clone, Debug)]
pub(super) struct Flags(pub(super) Vec<(&'static str, String)>);

impl Source for Flags {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        let named = |(key, value): &(&'static str, String)| {
            let origin = format!("flag --{key}");
            ((*key).to_owned(), Value::new(Some(&origin), value.clone()))
        };
        Ok(self.0.iter().map(named).collect())
    }
}
