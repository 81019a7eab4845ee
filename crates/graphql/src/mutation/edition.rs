//! Editions being written.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use khabar_domain::edition::Labels;
use khabar_domain::{Edition, EditionId, Language, Right};
use khabar_persistence::change::Noun;
use khabar_persistence::edition::{self, ById};

use super::read;
use crate::error::Result;
use crate::payload::payload;
use crate::scalar::Slug;
use crate::types::{Direction, UserError, UserErrorCode};
use crate::write::{Act, Refusal, Write, run};

payload! {
    EditionPayload, "What came of writing about an edition.",
    edition: Edition by ById, "The edition as it is now; null when the mutation was not carried out."
}

/// The headings of the blocks around an article, each in one line: what is left out stays, null
/// clears.
#[derive(Clone, Debug, Default, InputObject)]
pub struct EditionLabelsInput {
    /// Over the link to live television.
    live: MaybeUndefined<String>,
    /// Over "where to follow us".
    follow: MaybeUndefined<String>,
    /// Over the important sections.
    sections: MaybeUndefined<String>,
    /// Over the rail of stories.
    stories: MaybeUndefined<String>,
    /// Over the comments.
    comments: MaybeUndefined<String>,
}

impl EditionLabelsInput {
    fn patch(&self, old: Labels) -> Result<Labels, Refusal> {
        let label = |field: &str, patch: &MaybeUndefined<String>, old| {
            read::patched(patch, old, |text| {
                read::name(&["labels", field], text).map(|label| Some(label.into()))
            })
        };
        Ok(Labels {
            live: label("live", &self.live, old.live)?,
            follow: label("follow", &self.follow, old.follow)?,
            sections: label("sections", &self.sections, old.sections)?,
            stories: label("stories", &self.stories, old.stories)?,
            comments: label("comments", &self.comments, old.comments)?,
        })
    }
}

/// What a new edition is to be.
#[derive(Clone, Debug, InputObject)]
pub struct CreateEditionInput {
    /// Its part of an address, such as `en`.
    slug: Slug,
    /// What it is called.
    name: String,
    /// The language that its articles are in unless they say otherwise, such as `en` or `ar-EG`.
    language: String,
    /// From which side its pages are read; as its language is when nothing is said.
    direction: Option<Direction>,
    /// What the blocks of its pages are called.
    labels: Option<EditionLabelsInput>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for CreateEditionInput {
    const NAME: &'static str = "createEdition";
    const RIGHT: Right = Right::Arrange;
    type Id = EditionId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<EditionId, Refusal> {
        if edition::find(act.writer, &self.slug.0).await?.is_some() {
            let message = format!("The slug {:?} is taken.", self.slug.0.as_str());
            return Err(UserError::new(&["slug"], UserErrorCode::Taken, message).into());
        }
        let id: EditionId = act.mint();
        let language = read::value(&["language"], Language::parse(&self.language))?;
        let labels = self.labels.clone().unwrap_or_default();
        let edition = Edition {
            id,
            slug: self.slug.0.clone(),
            name: read::name(&["name"], &self.name)?,
            direction: self
                .direction
                .map_or_else(|| language.direction(), Into::into),
            language,
            labels: labels.patch(Labels::default())?,
            article_count: 0,
        };
        edition::save(act.writer, &edition).await?;
        Ok(id)
    }
}

/// Which edition, and what is to be different: what is left out stays.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateEditionInput {
    /// Which edition.
    id: ID,
    /// What it is called.
    name: Option<String>,
    /// What the blocks of its pages are called.
    labels: Option<EditionLabelsInput>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for UpdateEditionInput {
    const NAME: &'static str = "updateEdition";
    const RIGHT: Right = Right::Arrange;
    type Id = EditionId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<EditionId, Refusal> {
        let id = read::id(&["id"], &self.id)?;
        let old = read::found(&["id"], Noun::Edition, edition::get(act.writer, id).await?)?;
        let labels = self.labels.clone().unwrap_or_default();
        let edition = Edition {
            name: read::renamed("name", self.name.as_deref(), &old.name)?,
            labels: labels.patch(old.labels.clone())?,
            ..old
        };
        edition::save(act.writer, &edition).await?;
        Ok(id)
    }
}

/// The mutations of editions.
#[derive(Default)]
pub(crate) struct EditionMutations;

#[Object]
impl EditionMutations {
    /// Adds an edition to the newsroom. Needs the right `arrange`.
    async fn create_edition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateEditionInput,
    ) -> Result<EditionPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Changes the name and the labels of an edition: what is left out stays. Needs the right
    /// `arrange`.
    async fn update_edition(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which edition, and what is to be different.")] input: UpdateEditionInput,
    ) -> Result<EditionPayload> {
        Ok(run(ctx, input).await?.into())
    }
}
