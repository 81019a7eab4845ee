//! Tests of the GraphQL service through its in-process transport, without HTTP.

mod dependencies;
mod http_answers;
mod refusals;
mod sample_schema;
mod sharing;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, ensure};
use chrono::{DateTime, Utc};
use khabar_domain::clock::Clock;
use khabar_service::outcome::Outcome;
use khabar_service::service::Response;
use serde_json::Value;

/// A clock that tests can set.
struct ManualClock(Mutex<DateTime<Utc>>);

impl ManualClock {
    fn new(now: DateTime<Utc>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(now)))
    }

    fn set(&self, now: DateTime<Utc>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the `data` of a response. Fails if it has errors.
fn data(response: &Response) -> anyhow::Result<Value> {
    let mut json: Value = serde_json::from_slice(&response.outcome.body())?;
    ensure!(json.get("errors").is_none(), "{json}");
    Ok(json["data"].take())
}

/// Returns the code and the message of the only error of a response, which must not be cacheable.
fn error(response: &Response) -> anyhow::Result<(String, String)> {
    ensure!(matches!(response.outcome, Outcome::Uncached(_)));
    let json: Value = serde_json::from_slice(&response.outcome.body())?;
    let errors = json["errors"].as_array().context("no errors")?;
    ensure!(errors.len() == 1, "{json}");
    let code = errors[0]["extensions"]["code"].as_str();
    let message = errors[0]["message"].as_str();
    let (code, message) = code.zip(message).context("an incomplete error")?;
    Ok((code.to_owned(), message.to_owned()))
}
