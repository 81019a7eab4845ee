//! Sources being written.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use khabar_domain::{Right, Source, SourceId};
use khabar_persistence::change::Noun;
use khabar_persistence::source::{self, ById};

use super::read::{self, Addressed};
use crate::error::Result;
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::SourceKind;
use crate::write::{Act, Refusal, Write, run};

payload! {
    SourcePayload, "What came of writing about a source.",
    source: Source by ById, "The source as it is now; null when the mutation was not carried out."
}

/// What a new source is.
#[derive(Clone, Debug, InputObject)]
pub struct CreateSourceInput {
    /// The slug of the edition that it is to be cited in; `ar` when nothing is said.
    edition: Option<Slug>,
    /// What it is called.
    name: String,
    /// Its part of an address; made from the name when nothing is said.
    slug: Option<Slug>,
    /// What kind of source it is.
    kind: Option<SourceKind>,
    /// Its site: an absolute `https` or `http` address.
    url: Option<String>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for CreateSourceInput {
    const NAME: &'static str = "createSource";
    const RIGHT: Right = Right::Arrange;
    type Id = SourceId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<SourceId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?;
        let name = read::name(&["name"], &self.name)?;
        let id: SourceId = act.mint();
        let of = Addressed {
            noun: Noun::Source,
            edition: edition.id,
            id: id.uuid(),
            former: None,
        };
        let url = self.url.as_deref().map(|url| read::url(&["url"], url));
        let source = Source {
            id,
            edition: edition.id,
            kind: self.kind.map(Into::into),
            slug: read::slug(act, of, self.slug.as_ref(), name.as_str()).await?,
            name,
            url: url.transpose()?,
            article_count: 0,
        };
        source::save(act.writer, &source).await?;
        Ok(id)
    }
}

/// Which source, and what is to be different: what is left out stays, null clears.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateSourceInput {
    /// Which source.
    id: ID,
    /// What it is called.
    name: Option<String>,
    /// Its part of an address; the old one goes on leading here.
    slug: Option<Slug>,
    /// What kind of source it is.
    kind: MaybeUndefined<SourceKind>,
    /// Its site: an absolute `https` or `http` address.
    url: MaybeUndefined<String>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for UpdateSourceInput {
    const NAME: &'static str = "updateSource";
    const RIGHT: Right = Right::Arrange;
    type Id = SourceId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<SourceId, Refusal> {
        let id = read::id(&["id"], &self.id)?;
        let old = read::found(&["id"], Noun::Source, source::get(act.writer, id).await?)?;
        let name = read::renamed("name", self.name.as_deref(), &old.name)?;
        let of = Addressed {
            noun: Noun::Source,
            edition: old.edition,
            id: id.uuid(),
            former: Some(old.slug.clone()),
        };
        let source = Source {
            kind: read::patched(&self.kind, old.kind, |kind| Ok(Some((*kind).into())))?,
            slug: read::slug(act, of, self.slug.as_ref(), name.as_str()).await?,
            name,
            url: read::patched_url("url", &self.url, old.url.as_ref())?,
            ..old
        };
        source::save(act.writer, &source).await?;
        Ok(id)
    }
}

/// The mutations of sources.
#[derive(Default)]
pub(crate) struct SourceMutations;

#[Object]
impl SourceMutations {
    /// Adds a source that is cited in an edition. Needs the right `arrange`.
    async fn create_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is.")] input: CreateSourceInput,
    ) -> Result<SourcePayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Changes what is said of a source: what is left out stays, null clears. Needs the right
    /// `arrange`.
    async fn update_source(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which source, and what is to be different.")] input: UpdateSourceInput,
    ) -> Result<SourcePayload> {
        Ok(run(ctx, input).await?.into())
    }
}
