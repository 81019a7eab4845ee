//! A schema with deliberate N+1 queries: fields that send one statement per parent.

use async_graphql::{Context, EmptyMutation, EmptySubscription, Object, Schema};
use khabar_domain::{MediaId, derived};
use khabar_graphql::document::SchemaProblem;
use khabar_graphql::limit::Limits;
use khabar_graphql::loader::Loaders;
use khabar_graphql::response::{Api, configure_engine};
use khabar_persistence::{BatchKey as _, ReadSession, media};

/// Builds the API of the toy schema.
pub(crate) fn api() -> Result<Api, SchemaProblem> {
    let limits = Limits::default();
    let schema = Schema::build(Query, EmptyMutation, EmptySubscription);
    Api::new(configure_engine(schema, &limits).finish(), limits)
}

struct Query;

#[Object]
impl Query {
    async fn parents(&self, edition: String) -> Vec<Parent> {
        (0..3).map(|at| Parent(format!("{edition}-{at}"))).collect()
    }
}

struct Parent(String);

fn key(name: &str) -> media::ById {
    media::ById(MediaId::new(derived("media", &[name])))
}

/// Queries the database directly instead of through the loaders. A resolver must never do this.
async fn alone(ctx: &Context<'_>, name: &str) -> async_graphql::Result<usize> {
    let reader = ctx.data::<ReadSession>()?;
    let found = media::ById::fetch(reader, &[key(name)]).await;
    Ok(found.map_err(|error| error.to_string())?.len())
}

#[Object]
impl Parent {
    async fn name(&self) -> &str {
        &self.0
    }

    async fn together(&self, ctx: &Context<'_>) -> async_graphql::Result<Together> {
        ctx.data::<Loaders>()?.one(key(&self.0)).await?;
        Ok(Together(self.0.clone()))
    }

    async fn alone(&self, ctx: &Context<'_>) -> async_graphql::Result<Child> {
        alone(ctx, &self.0).await?;
        Ok(Child)
    }

    async fn counted(&self, ctx: &Context<'_>) -> async_graphql::Result<usize> {
        alone(ctx, &self.0).await
    }

    async fn missing(&self) -> Option<Child> {
        None
    }
}

struct Together(String);

#[Object]
impl Together {
    async fn alone(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<Child>> {
        alone(ctx, &self.0).await?;
        Ok(vec![Child])
    }
}

struct Child;

#[Object]
impl Child {
    async fn name(&self) -> &'static str {
        "child"
    }
}
