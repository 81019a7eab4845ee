//! Configuration sources other than the file: environment variables and flags. Each value records its
//! origin.

use config::{ConfigError, Map, Source, Value};

/// Values from `KHABAR_…` environment variables. `__` in a name represents the dot of a key. Variables that
/// match no known key are ignored, because other programs, such as the tests, may use the prefix.
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
        // An empty default list produces no entry, so list keys are checked separately.
        let is_known = |key: &String| {
            known.contains(key) || LISTS.contains(&key.as_str()) || key.starts_with(TARGETS)
        };
        Self(found.filter(|(key, _, _)| is_known(key)).collect())
    }
}

/// The key prefix of purge targets, whose names the operator chooses.
const TARGETS: &str = "purge.";

/// The keys whose values are lists.
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
            // The items of a list are separated by commas. No list item contains a comma.
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

/// Values from command-line flags, by key.
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
