//! A deliberately faulty schema with fields that leak hidden content.

use async_graphql::{Context, EmptyMutation, EmptySubscription, ID, Object, Schema};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use khabar_domain::{EditionId, Slug};
use khabar_graphql::document::SchemaProblem;
use khabar_graphql::limit::Limits;
use khabar_graphql::mutate::WriteContext;
use khabar_graphql::response::{Api, configure_engine};
use khabar_persistence::{ReadSession, article, change};
use uuid::Uuid;

/// Builds the API of the toy schema.
pub(crate) fn api() -> Result<Api, SchemaProblem> {
    let limits = Limits::default();
    let schema = Schema::build(Query, EmptyMutation, EmptySubscription);
    Api::new(configure_engine(schema, &limits).finish(), limits)
}

struct Query;

/// Loads the headline of an article, regardless of the viewer.
async fn headline(ctx: &Context<'_>, id: &ID) -> async_graphql::Result<Option<String>> {
    let bytes = URL_SAFE_NO_PAD.decode(id.as_str())?;
    let id = Uuid::from_slice(bytes.get(1..).unwrap_or_default())?;
    let writer = ctx
        .data::<WriteContext>()?
        .db
        .writer(ctx.data::<ReadSession>()?.scope().as_of)
        .await;
    let writer = writer.map_err(|error| error.to_string())?;
    let slug = Slug::parse("x").map_err(|error| error.to_string())?;
    let found =
        article::find_by_id_or_slug(&writer, id.into(), EditionId::new(Uuid::nil()), &slug).await;
    let found = found.map_err(|error| error.to_string())?;
    Ok(found.map(|found| found.article.headline.as_str().to_owned()))
}

async fn counted(ctx: &Context<'_>) -> async_graphql::Result<usize> {
    let changes = change::after(ctx.data::<ReadSession>()?, 0, 10_000).await;
    Ok(changes.map_err(|error| error.to_string())?.len())
}

#[Object]
impl Query {
    /// Leaks the headline of a hidden article.
    async fn by_id(
        &self,
        ctx: &Context<'_>,
        id: Option<ID>,
    ) -> async_graphql::Result<Option<Named>> {
        match id {
            Some(id) => Ok(headline(ctx, &id).await?.map(Named)),
            None => Ok(None),
        }
    }

    /// Leaks the headline of a hidden article in an error message.
    async fn refused(
        &self,
        ctx: &Context<'_>,
        id: Option<ID>,
    ) -> Option<async_graphql::Result<Named>> {
        let headline = headline(ctx, &id?).await.ok()??;
        Some(Err(khabar_graphql::error::Error::bad_input(format!(
            "not {headline}"
        ))
        .into()))
    }

    /// Leaks the number of changes.
    async fn counted(&self, ctx: &Context<'_>) -> async_graphql::Result<usize> {
        counted(ctx).await
    }

    /// Leaks nothing itself.
    async fn place(&self, edition: Option<String>) -> Place {
        Place(edition)
    }
}

struct Named(String);

#[Object]
impl Named {
    async fn name(&self) -> &str {
        &self.0
    }
}

struct Place(Option<String>);

#[Object]
impl Place {
    async fn edition(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Leaks the number of changes, but only if `all` is true.
    async fn counted(
        &self,
        ctx: &Context<'_>,
        all: Option<bool>,
    ) -> async_graphql::Result<Option<Count>> {
        match all {
            Some(true) => Ok(Some(Count(counted(ctx).await?))),
            _ => Ok(None),
        }
    }
}

struct Count(usize);

#[Object]
impl Count {
    async fn all(&self) -> usize {
        self.0
    }
}
