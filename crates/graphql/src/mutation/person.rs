//! People being written.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};
use khabar_domain::{Person, PersonId, Right};
use khabar_persistence::change::Noun;
use khabar_persistence::person::{self, ById};

use super::read::{self, Addressed};
use crate::error::Result;
use crate::payload::payload;
use crate::scalar::Slug;
use crate::write::{Act, Refusal, Write, run};

payload! {
    PersonPayload, "What came of writing about a person.",
    person: Person by ById, "The person as they are now; null when the mutation was not carried out."
}

/// Who a new person is.
#[derive(Clone, Debug, InputObject)]
pub struct CreatePersonInput {
    /// The slug of the edition that they are to sign in; `ar` when nothing is said.
    edition: Option<Slug>,
    /// How they sign.
    name: String,
    /// Their part of an address; made from the name when nothing is said.
    slug: Option<Slug>,
    /// What they do, such as "economy editor".
    role: Option<String>,
    /// A few sentences about them.
    biography: Option<String>,
    /// Their portrait.
    portrait: Option<ID>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for CreatePersonInput {
    const NAME: &'static str = "createPerson";
    const RIGHT: Right = Right::Arrange;
    type Id = PersonId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<PersonId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?;
        let name = read::name(&["name"], &self.name)?;
        let id: PersonId = act.mint();
        let of = Addressed {
            noun: Noun::Person,
            edition: edition.id,
            id: id.uuid(),
            former: None,
        };
        let portrait = match &self.portrait {
            None => None,
            Some(portrait) => Some(read::media(act, "portrait", portrait).await?),
        };
        let person = Person {
            id,
            edition: edition.id,
            slug: read::slug(act, of, self.slug.as_ref(), name.as_str()).await?,
            name,
            role: read::new_text("role", self.role.as_ref())?,
            biography: read::new_text("biography", self.biography.as_ref())?,
            portrait,
            article_count: 0,
        };
        person::save(act.writer, &person).await?;
        Ok(id)
    }
}

/// Which person, and what is to be different: what is left out stays, null clears.
#[derive(Clone, Debug, InputObject)]
pub struct UpdatePersonInput {
    /// Which person.
    id: ID,
    /// How they sign.
    name: Option<String>,
    /// Their part of an address; the old one goes on leading here.
    slug: Option<Slug>,
    /// What they do, such as "economy editor".
    role: MaybeUndefined<String>,
    /// A few sentences about them.
    biography: MaybeUndefined<String>,
    /// Their portrait.
    portrait: MaybeUndefined<ID>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for UpdatePersonInput {
    const NAME: &'static str = "updatePerson";
    const RIGHT: Right = Right::Arrange;
    type Id = PersonId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<PersonId, Refusal> {
        let id = read::id(&["id"], &self.id)?;
        let old = read::found(&["id"], Noun::Person, person::get(act.writer, id).await?)?;
        let name = read::renamed("name", self.name.as_deref(), &old.name)?;
        let of = Addressed {
            noun: Noun::Person,
            edition: old.edition,
            id: id.uuid(),
            former: Some(old.slug.clone()),
        };
        let person = Person {
            slug: read::slug(act, of, self.slug.as_ref(), name.as_str()).await?,
            name,
            role: read::patched_text("role", &self.role, old.role.as_ref())?,
            biography: read::patched_text("biography", &self.biography, old.biography.as_ref())?,
            portrait: read::patched_media(act, "portrait", &self.portrait, old.portrait).await?,
            ..old
        };
        person::save(act.writer, &person).await?;
        Ok(id)
    }
}

/// The mutations of people.
#[derive(Default)]
pub(crate) struct PersonMutations;

#[Object]
impl PersonMutations {
    /// Adds a person who signs in an edition. Needs the right `arrange`.
    async fn create_person(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who they are.")] input: CreatePersonInput,
    ) -> Result<PersonPayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Changes what is said of a person: what is left out stays, null clears. Needs the right
    /// `arrange`.
    async fn update_person(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which person, and what is to be different.")] input: UpdatePersonInput,
    ) -> Result<PersonPayload> {
        Ok(run(ctx, input).await?.into())
    }
}
