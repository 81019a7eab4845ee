//! Articles being written, and the steps that they take to readers.

mod block;
mod parts;
mod step;

use async_graphql::{Context, ID, InputObject, Object};
use khabar_domain::article::{Kind, Measure, MediaFlags, Status};
use khabar_domain::diff::Part;
use khabar_domain::related::{Origin, Reason};
use khabar_domain::workflow::{Refused, Step};
use khabar_domain::{Article, ArticleId, Body, Desk, Headline, RelatedLink, Right, Slug};
use khabar_persistence::article::{self, Held, Manuscript, Reference};
use khabar_persistence::revision::{self, Content};
use khabar_persistence::{correction, related, story};

use self::parts::{ArticleParts, check};
use super::read;
use crate::error::Result;
use crate::scalar;
use crate::scope::Asked as _;
use crate::types::{ArticleConflict, UserError, UserErrorCode};
use crate::write::{Act, Refusal, Write, Written, run};

pub use step::{
    PublishArticleInput, ReopenArticleInput, ReturnArticleInput, ScheduleArticleInput,
    SubmitArticleInput, WithdrawArticleInput,
};

/// What came of writing an article.
pub struct ArticlePayload(Written<ArticleId>);

impl From<Written<ArticleId>> for ArticlePayload {
    fn from(written: Written<ArticleId>) -> Self {
        Self(written)
    }
}

/// What came of writing an article.
#[Object]
impl ArticlePayload {
    /// The article as it is now; null when the mutation was not carried out.
    async fn article(&self, ctx: &Context<'_>) -> Result<Option<crate::types::Article>> {
        let Some(id) = self.0.id else {
            return Ok(None);
        };
        let found = ctx.load(article::ById(id)).await?;
        Ok(found.map(crate::types::Article))
    }

    /// What both sides changed, when the article was changed since the version that the input
    /// states; otherwise null.
    fn conflict(&self) -> Option<&ArticleConflict> {
        self.0.conflict.as_deref()
    }

    /// What kept the mutation from being carried out; empty when it was.
    fn user_errors(&self) -> &[UserError] {
        &self.0.errors
    }

    /// The client's own name for this write, as it was sent.
    fn client_mutation_id(&self) -> Option<&str> {
        self.0.client_mutation_id.as_deref()
    }
}

/// What a new article is to be; it begins as a draft.
#[derive(Clone, Debug, InputObject)]
pub struct CreateArticleInput {
    /// The slug of the edition that it is to appear in; `ar` when nothing is said.
    edition: Option<scalar::Slug>,
    /// What it is called: a line of at most 300 characters.
    headline: String,
    #[graphql(flatten)]
    parts: ArticleParts,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for CreateArticleInput {
    const NAME: &'static str = "createArticle";
    const RIGHT: Right = Right::Write;
    type Id = ArticleId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<ArticleId, Refusal> {
        let edition = read::edition(act, self.edition.as_ref()).await?;
        let headline = read::value(&["headline"], Headline::parse(&self.headline))?;
        let id: ArticleId = act.mint();
        // A headline of signs alone makes no slug; one that is given replaces this.
        let slug = self.parts.slug(&headline)?;
        let measure = Measure::of(None, &Body::default());
        let blank = Article {
            id,
            edition: edition.id,
            kind: Kind::News,
            status: Status::Draft,
            slug,
            canonical_url: None,
            headline,
            lead: None,
            excerpt: measure.excerpt,
            hero: None,
            source: None,
            section: None,
            language: edition.language,
            direction: edition.direction,
            flags: MediaFlags::default(),
            is_stub: false,
            first_published_at: None,
            published_at: None,
            updated_at: None,
            listed_at: act.writer.at(),
            version: 1,
            reading_minutes: measure.reading_minutes,
            comment_count: 0,
            read_count: 0,
        };
        let blank = Manuscript {
            article: blank,
            body: Body::default(),
            authors: Vec::new(),
            topics: Vec::new(),
            stories: Vec::new(),
        };
        let manuscript = self.parts.put_into(act, blank, None, None).await?;
        let desk = Desk {
            created_by: act.viewer.account,
            ..Desk::default()
        };
        Held { manuscript, desk }.begin(act.writer).await?;
        Ok(id)
    }
}

/// Which article, and what is to be different: what is left out stays, null clears.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateArticleInput {
    /// Which article.
    id: ID,
    /// The version that was read: when there is a later one, nothing is overwritten.
    version: i32,
    /// What it is called: a line of at most 300 characters.
    headline: Option<String>,
    #[graphql(flatten)]
    parts: ArticleParts,
    /// Why, in words for the newsroom: it stands on the revision.
    note: Option<String>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for UpdateArticleInput {
    const NAME: &'static str = "updateArticle";
    const RIGHT: Right = Right::Write;
    type Id = ArticleId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<ArticleId, Refusal> {
        let (held, to) = reach(act, &self.id, Step::Save).await?;
        let note = note(self.note.as_deref())?;
        let patch = Patch {
            headline: self.headline.as_deref(),
            parts: &self.parts,
        };
        fresh(act, &held, Some(self.version), Some(patch)).await?;
        let after = patch.put_into(act, held.manuscript.clone()).await?;
        let id = after.article.id;
        // A text that is saved as it is makes no version: editors save by the clock.
        if Content::of(&after) != Content::of(&held.manuscript) {
            let held = Held {
                manuscript: after,
                ..held
            };
            held.take(act.writer, Step::Save, to, note).await?;
        }
        Ok(id)
    }
}

/// Which published article, and what is put right: what is left out stays, null clears.
#[derive(Clone, Debug, InputObject)]
pub struct CorrectArticleInput {
    /// Which article.
    id: ID,
    /// The version that was read: when there is a later one, nothing is overwritten.
    version: i32,
    /// What it is called: a line of at most 300 characters.
    headline: Option<String>,
    #[graphql(flatten)]
    parts: ArticleParts,
    /// What was put right, in words for readers. Needed unless the correction is silent.
    note: Option<String>,
    /// Whether readers are told nothing: for what changes no meaning, such as a missing letter. The
    /// note, if there is one, then stands on the revision alone. Not silent when nothing is said.
    silent: Option<bool>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for CorrectArticleInput {
    const NAME: &'static str = "correctArticle";
    const RIGHT: Right = Right::Publish;
    type Id = ArticleId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<ArticleId, Refusal> {
        let (held, to) = reach(act, &self.id, Step::Correct).await?;
        let patch = Patch {
            headline: self.headline.as_deref(),
            parts: &self.parts,
        };
        fresh(act, &held, Some(self.version), Some(patch)).await?;
        let after = patch.put_into(act, held.manuscript.clone()).await?;
        let why = Why::read(self.note.as_deref(), self.silent)?;
        correct(act, held, after, to, why).await
    }
}

/// Which earlier text of which article is to be its text again.
#[derive(Clone, Debug, InputObject)]
pub struct RestoreRevisionInput {
    /// Which article.
    id: ID,
    /// The version that was read: when there is a later one, nothing is overwritten.
    version: i32,
    /// The version whose text is to come back, as a new version. The slug stays as it is; a story that
    /// was merged since is the one that it became; for a section that is gone, the present one stays.
    restore: i32,
    /// Why. For a published article this is a correction: what was put right, in words for readers,
    /// needed unless it is silent.
    note: Option<String>,
    /// For a published article: whether readers are told nothing. Not silent when nothing is said.
    silent: Option<bool>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for RestoreRevisionInput {
    const NAME: &'static str = "restoreRevision";
    const RIGHT: Right = Right::Write;
    type Id = ArticleId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<ArticleId, Refusal> {
        let (held, own) = find(act, &self.id).await?;
        let step = match held.manuscript.article.status {
            Status::Published => Step::Correct,
            _ => Step::Save,
        };
        let to = allowed(act, &held, own, step)?;
        fresh(act, &held, Some(self.version), None).await?;
        let id = held.manuscript.article.id;
        let Some(old) = revision::find(act.writer, id, self.restore).await? else {
            return Err(UserError::not_found(&["restore"], "version").into());
        };
        let after = restored(act, old.content, &held.manuscript).await?;
        check(act, &after).await?;
        if step == Step::Correct {
            let why = Why::read(self.note.as_deref(), self.silent)?;
            return correct(act, held, after, to, why).await;
        }
        let note = note(self.note.as_deref())?;
        let held = Held {
            manuscript: after,
            ..held
        };
        held.take(act.writer, step, to, note).await?;
        Ok(id)
    }
}

/// The manuscript as it said then, among what there is now: a story that was merged is the one that it
/// became, and where its section is gone, it stays where it is filed.
async fn restored(act: &Act<'_>, then: Content, now: &Manuscript) -> Result<Manuscript, Refusal> {
    let mut after = then.put_into(now.clone())?;
    after.stories = story::successors(act.writer, &after.stories).await?;
    let gone = article::missing(act.writer, &after).await?;
    if gone.contains(&Reference::Section) {
        after.article.section = now.article.section;
    }
    Ok(after)
}

/// What an article's reader may want next, as editors choose it.
#[derive(Clone, Debug, InputObject)]
pub struct SetRelatedInput {
    /// Which article.
    id: ID,
    /// The articles that stand first among those related to it, in this order: at most 100, of the
    /// same edition. What was computed stays below them.
    articles: Vec<ID>,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for SetRelatedInput {
    const NAME: &'static str = "setRelated";
    const RIGHT: Right = Right::Publish;
    type Id = ArticleId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<ArticleId, Refusal> {
        let (held, _) = find(act, &self.id).await?;
        let from = held.manuscript.article.id;
        let chosen: Vec<ArticleId> = parts::ids("articles", &self.articles)?;
        if let Some(place) = chosen.iter().position(|id| *id == from) {
            let message = "An article is not related to itself.";
            let field = ["articles", &place.to_string()];
            return Err(UserError::new(&field, UserErrorCode::Invalid, message).into());
        }
        let edition = held.manuscript.article.edition;
        let gone = article::absent(act.writer, edition, &chosen).await?;
        if !gone.is_empty() {
            return Err(parts::all_missing("articles", gone, "article"));
        }
        let links = related::links_of(act.writer, from).await?.into_iter();
        let below =
            links.filter(|link| link.origin == Origin::Computed && !chosen.contains(&link.to));
        let above = chosen.iter().map(|to| RelatedLink {
            from,
            to: *to,
            rank: 0,
            origin: Origin::Editorial,
            reason: Reason::Chosen,
            score: None,
        });
        let links: Vec<_> = above.chain(below).collect();
        related::set(act.writer, from, &links).await?;
        Ok(from)
    }
}

/// What is to be different.
#[derive(Clone, Copy)]
struct Patch<'a> {
    headline: Option<&'a str>,
    parts: &'a ArticleParts,
}

impl Patch<'_> {
    async fn put_into(self, act: &Act<'_>, manuscript: Manuscript) -> Result<Manuscript, Refusal> {
        let former: Slug = manuscript.article.slug.clone();
        let parts = self.parts;
        parts
            .put_into(act, manuscript, self.headline, Some(former))
            .await
    }

    async fn put_blindly_into(
        self,
        act: &Act<'_>,
        manuscript: Manuscript,
    ) -> Result<Manuscript, Refusal> {
        let former: Slug = manuscript.article.slug.clone();
        let parts = self.parts;
        parts
            .put_blindly_into(act, manuscript, self.headline, Some(former))
            .await
    }
}

/// Takes the article in hand that the input names, as far as the viewer may know of it, and tells
/// whether it is theirs.
async fn find(act: &Act<'_>, id: &ID) -> Result<(Held, bool), Refusal> {
    let id: ArticleId = read::id(&["id"], id)?;
    let not_found = || UserError::not_found(&["id"], "article");
    let held = article::hold(act.writer, id).await?.ok_or_else(not_found)?;
    let own = act.viewer.account.is_some() && held.desk.created_by == act.viewer.account;
    let status = held.manuscript.article.status;
    let public = status == Status::Published || held.desk.withdrawal.is_some();
    if own || public || act.viewer.may(Right::Publish) {
        Ok((held, own))
    } else {
        Err(not_found().into())
    }
}

/// Where a step leads, if the viewer may take it here.
fn allowed(act: &Act<'_>, held: &Held, own: bool, step: Step) -> Result<Status, Refusal> {
    let status = held.manuscript.article.status;
    step.take(act.viewer, own, status).map_err(|refused| {
        let (code, message) = match refused {
            Refused::NotAllowed => (
                UserErrorCode::NotAllowed,
                format!("You may not {} this article as it stands.", step.as_str()),
            ),
            Refused::WrongStatus => (
                UserErrorCode::WrongStatus,
                format!(
                    "The article is `{}`: the step `{}` does not begin there.",
                    status.as_str(),
                    step.as_str()
                ),
            ),
        };
        UserError::new(&["id"], code, message).into()
    })
}

/// Takes the article in hand for a step, and tells where it leads.
async fn reach(act: &Act<'_>, id: &ID, step: Step) -> Result<(Held, Status), Refusal> {
    let (held, own) = find(act, id).await?;
    let to = allowed(act, &held, own, step)?;
    Ok((held, to))
}

/// Refuses what was made of another version than the current one, and tells what both sides
/// changed.
async fn fresh(
    act: &Act<'_>,
    held: &Held,
    read: Option<i32>,
    patch: Option<Patch<'_>>,
) -> Result<(), Refusal> {
    let article = &held.manuscript.article;
    let current = article.version;
    let Some(read) = read.filter(|read| *read != current) else {
        return Ok(());
    };
    if !(1..current).contains(&read) {
        let message = format!("There is no version {read} of the article: it is at {current}.");
        return Err(UserError::new(&["version"], UserErrorCode::Invalid, message).into());
    }
    let base = revision::find(act.writer, article.id, read).await?;
    let yours = match (patch, &base) {
        (Some(patch), Some(base)) => {
            let slug = base.content.slug.clone();
            let mut was = base.content.clone().put_into(held.manuscript.clone())?;
            was.article.slug = slug;
            // Whatever it writes is taken back with the refusal. What the article once referred to may
            // be gone, such as a story that went on in another: that is no mistake of this patch.
            Some(Content::of(&patch.put_blindly_into(act, was).await?))
        }
        _ => None,
    };
    Err(Refusal::Stale(Box::new(ArticleConflict {
        read,
        current,
        base,
        theirs: Content::of(&held.manuscript),
        yours,
    })))
}

/// Why a published text is changed, and who is told.
struct Why {
    note: Option<String>,
    silent: bool,
}

impl Why {
    fn read(text: Option<&str>, silent: Option<bool>) -> Result<Self, Refusal> {
        let (note, silent) = (note(text)?, silent.unwrap_or(false));
        if note.is_none() && !silent {
            let message = "Say in `note` what was put right, for readers, or correct it silently.";
            return Err(UserError::new(&["note"], UserErrorCode::Invalid, message).into());
        }
        Ok(Self { note, silent })
    }
}

/// Changes a published text, and tells readers so.
async fn correct(
    act: &mut Act<'_>,
    held: Held,
    mut after: Manuscript,
    to: Status,
    why: Why,
) -> Result<ArticleId, Refusal> {
    let parts = Content::of(&held.manuscript).differs(&Content::of(&after));
    if parts.is_empty() {
        let message = "A correction changes something: this leaves the article as it is.";
        return Err(UserError::new(&[], UserErrorCode::Invalid, message).into());
    }
    let words = [Part::Headline, Part::Lead, Part::Body];
    if parts.iter().any(|part| words.contains(part)) {
        after.article.updated_at = Some(act.writer.at());
    }
    let (id, version) = (after.article.id, after.article.version.saturating_add(1));
    let held = Held {
        manuscript: after,
        ..held
    };
    let note = why.note.clone();
    held.take(act.writer, Step::Correct, to, note).await?;
    if let Some(note) = why.note.filter(|_| !why.silent) {
        correction::add(act.writer, id, version, &note).await?;
    }
    Ok(id)
}

fn note(text: Option<&str>) -> Result<Option<String>, Refusal> {
    text.map_or(Ok(None), |text| read::text(&["note"], text))
}

/// The mutations of articles.
#[derive(Default)]
pub(crate) struct ArticleMutations;

#[Object]
impl ArticleMutations {
    /// Begins an article, as a draft. Needs the right `write`.
    async fn create_article(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What it is to be.")] input: CreateArticleInput,
    ) -> Result<ArticlePayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Saves another text of an article that readers do not see: what is left out stays, null clears. Needs the
    /// right `write` and, for what is not the writer's own or was accepted already, `publish`.
    async fn update_article(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which article, and what is to be different.")] input: UpdateArticleInput,
    ) -> Result<ArticlePayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Hands a draft to the editors. Needs the right `write` and, for another's, `publish`.
    async fn submit_article(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which draft.")] input: SubmitArticleInput,
    ) -> Result<ArticlePayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Gives an article back to its writer, or takes it back from the schedule: it is a draft again. Needs the
    /// right `write` and, for another's or a scheduled one, `publish`.
    async fn return_article(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which article.")] input: ReturnArticleInput,
    ) -> Result<ArticlePayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Sets the hour at which an article goes out by itself. Needs the right `publish`.
    async fn schedule_article(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which article, and when.")] input: ScheduleArticleInput,
    ) -> Result<ArticlePayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Lets an article go out, now or later. Needs the right `publish`.
    async fn publish_article(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which article, and when.")] input: PublishArticleInput,
    ) -> Result<ArticlePayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Changes a published article, and tells readers what was put right. Needs the right `publish`.
    async fn correct_article(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which article, and what is put right.")] input: CorrectArticleInput,
    ) -> Result<ArticlePayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Takes a published article back from readers: its address says so, and why, ever after. Needs the right
    /// `publish`.
    async fn withdraw_article(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which article, and why.")] input: WithdrawArticleInput,
    ) -> Result<ArticlePayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Makes a draft again of an article that was withdrawn. Needs the right `publish`.
    async fn reopen_article(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which article.")] input: ReopenArticleInput,
    ) -> Result<ArticlePayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Makes an earlier text of an article its text again, as a new version; of a published one, as a correction.
    /// Needs the right `write` and, for what is not the writer's own or was accepted already, `publish`.
    async fn restore_revision(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which text of which article.")] input: RestoreRevisionInput,
    ) -> Result<ArticlePayload> {
        Ok(run(ctx, input).await?.into())
    }

    /// Chooses by hand what an article's reader may want next. Needs the right `publish`.
    async fn set_related(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which article, and what comes first.")] input: SetRelatedInput,
    ) -> Result<ArticlePayload> {
        Ok(run(ctx, input).await?.into())
    }
}
