//! Mutations that edit articles and move them through the publishing workflow.

mod block;
mod patch;
mod transitions;

use async_graphql::{Context, ID, InputObject, Object};
use khabar_domain::article::{NewArticle, Status};
use khabar_domain::diff::Part;
use khabar_domain::related::{Origin, Reason};
use khabar_domain::workflow::{Transition, TransitionError};
use khabar_domain::{Article, ArticleId, Body, EditorialState, Headline, RelatedLink, Right, Slug};
use khabar_persistence::article::{self, LockedArticle, Manuscript, Reference};
use khabar_persistence::revision::{self, Content};
use khabar_persistence::{correction, related, story};

use self::patch::{ArticleParts, check};
use super::input_parse;
use crate::context::ContextExt as _;
use crate::error::Result;
use crate::mutate::{Mutate, MutationCtx, MutationError, MutationResult, mutations};
use crate::scalar;
use crate::types::{ArticleConflict, UserError, UserErrorCode};

pub use transitions::{
    PublishArticleInput, ReopenArticleInput, ReturnArticleInput, ScheduleArticleInput,
    SubmitArticleInput, WithdrawArticleInput,
};

/// Result of a mutation on an article.
pub struct ArticlePayload(MutationResult<ArticleId>);

impl From<MutationResult<ArticleId>> for ArticlePayload {
    fn from(written: MutationResult<ArticleId>) -> Self {
        Self(written)
    }
}

/// Result of a mutation on an article.
#[Object]
impl ArticlePayload {
    /// The article after the mutation. Null if the mutation was not carried out.
    async fn article(&self, ctx: &Context<'_>) -> Result<Option<crate::types::Article>> {
        let Some(id) = self.0.id else {
            return Ok(None);
        };
        let found = ctx.load(article::ById(id)).await?;
        Ok(found.map(crate::types::Article))
    }

    /// The edit conflict, if the article has changed since the version given in the input. Describes
    /// the changes of both sides. Null otherwise.
    fn conflict(&self) -> Option<&ArticleConflict> {
        self.0.conflict.as_deref()
    }

    /// Errors that prevented the mutation. Empty on success.
    fn user_errors(&self) -> &[UserError] {
        &self.0.errors
    }

    /// The idempotency key of this mutation, as sent by the client.
    fn idempotency_key(&self) -> Option<&str> {
        self.0.idempotency_key.as_deref()
    }
}

/// Input for the `createArticle` mutation. The article is created as a draft.
#[derive(Clone, Debug, InputObject)]
pub struct CreateArticleInput {
    /// The slug of the article's edition. Defaults to `ar`.
    edition: Option<scalar::Slug>,
    /// The headline: a single line of at most 300 characters.
    headline: String,
    #[graphql(flatten)]
    parts: ArticleParts,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24 hours
    /// applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for CreateArticleInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let edition = input_parse::edition(cx, self.edition.as_ref()).await?;
        let headline = input_parse::value(&["headline"], Headline::parse(&self.headline))?;
        let id: ArticleId = cx.mint();
        // A headline of punctuation alone yields no slug. An explicit slug takes precedence.
        let slug = self.parts.slug(&headline)?;
        let draft = Article::draft(NewArticle {
            id,
            edition: edition.id,
            slug,
            headline,
            language: edition.language,
            direction: edition.direction,
            listed_at: cx.writer.at(),
        });
        let draft = Manuscript::new(draft, Body::default());
        let manuscript = self.parts.put_into(cx, draft, None, None).await?;
        let editorial = EditorialState {
            created_by: cx.viewer.account,
            ..EditorialState::default()
        };
        LockedArticle {
            manuscript,
            editorial,
        }
        .begin(cx.writer)
        .await?;
        Ok(id)
    }
}

/// Input for the `updateArticle` mutation. Omitted fields are left unchanged. Null clears an optional
/// value.
#[derive(Clone, Debug, InputObject)]
pub struct UpdateArticleInput {
    /// Global ID of the article.
    id: ID,
    /// The version that the change is based on. If the article has a later version, the mutation is
    /// refused and nothing is overwritten.
    version: i32,
    /// The headline: a single line of at most 300 characters.
    headline: Option<String>,
    #[graphql(flatten)]
    parts: ArticleParts,
    /// The reason for the change, for the newsroom. Stored with the revision.
    note: Option<String>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24 hours
    /// applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for UpdateArticleInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let (held, to) = reach(cx, &self.id, Transition::Save).await?;
        let note = note(self.note.as_deref())?;
        let patch = Patch {
            headline: self.headline.as_deref(),
            parts: &self.parts,
        };
        fresh(cx, &held, Some(self.version), Some(patch)).await?;
        let after = patch.put_into(cx, held.manuscript.clone()).await?;
        let id = after.article.id;
        // Saving an unchanged text creates no version, because editors save automatically at intervals.
        if Content::of(&after) != Content::of(&held.manuscript) {
            let held = LockedArticle {
                manuscript: after,
                ..held
            };
            held.take(cx.writer, Transition::Save, to, note).await?;
        }
        Ok(id)
    }
}

/// Input for the `correctArticle` mutation. Omitted fields are left unchanged. Null clears an optional
/// value.
#[derive(Clone, Debug, InputObject)]
pub struct CorrectArticleInput {
    /// Global ID of the article.
    id: ID,
    /// The version that the change is based on. If the article has a later version, the mutation is
    /// refused and nothing is overwritten.
    version: i32,
    /// The headline: a single line of at most 300 characters.
    headline: Option<String>,
    #[graphql(flatten)]
    parts: ArticleParts,
    /// A description of the correction, for readers. Required unless `silent` is true.
    note: Option<String>,
    /// Whether to correct the article without a notice to readers, for changes that do not affect the
    /// meaning, such as a missing letter. A note is then stored only with the revision. Defaults to
    /// false.
    silent: Option<bool>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24 hours
    /// applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for CorrectArticleInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let (held, to) = reach(cx, &self.id, Transition::Correct).await?;
        let patch = Patch {
            headline: self.headline.as_deref(),
            parts: &self.parts,
        };
        fresh(cx, &held, Some(self.version), Some(patch)).await?;
        let after = patch.put_into(cx, held.manuscript.clone()).await?;
        let why = Why::read(self.note.as_deref(), self.silent)?;
        correct(cx, held, after, to, why).await
    }
}

/// Input for the `restoreRevision` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct RestoreRevisionInput {
    /// Global ID of the article.
    id: ID,
    /// The version that the change is based on. If the article has a later version, the mutation is
    /// refused and nothing is overwritten.
    version: i32,
    /// The version whose text is restored as a new version. The slug stays unchanged. A story that has
    /// since been merged is replaced by the story it was merged into. If the section no longer exists,
    /// the article stays in its current section.
    restore: i32,
    /// The reason for the change. For a published article, a description of the correction for readers,
    /// which is required unless `silent` is true.
    note: Option<String>,
    /// Whether to correct a published article without a notice to readers. Defaults to false.
    silent: Option<bool>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24 hours
    /// applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for RestoreRevisionInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let (held, own) = find(cx, &self.id).await?;
        let step = match held.manuscript.article.status {
            Status::Published => Transition::Correct,
            _ => Transition::Save,
        };
        let to = allowed(cx, &held, own, step)?;
        fresh(cx, &held, Some(self.version), None).await?;
        let id = held.manuscript.article.id;
        let Some(old) = revision::get(cx.writer, id, self.restore).await? else {
            return Err(UserError::not_found(&["restore"], "version").into());
        };
        let after = restored(cx, old.content, &held.manuscript).await?;
        check(cx, &after).await?;
        if step == Transition::Correct {
            let why = Why::read(self.note.as_deref(), self.silent)?;
            return correct(cx, held, after, to, why).await;
        }
        let note = note(self.note.as_deref())?;
        let held = LockedArticle {
            manuscript: after,
            ..held
        };
        held.take(cx.writer, step, to, note).await?;
        Ok(id)
    }
}

/// Returns the manuscript with an earlier text, adapted to the present. A merged story is replaced by
/// its successor. If the earlier section no longer exists, the article stays in its current section.
async fn restored(
    cx: &MutationCtx<'_>,
    then: Content,
    now: &Manuscript,
) -> Result<Manuscript, MutationError> {
    let mut after = then.put_into(now.clone())?;
    after.stories = story::successors(cx.writer, &after.stories).await?;
    let gone = article::missing(cx.writer, &after).await?;
    if gone.contains(&Reference::Section) {
        after.article.section = now.article.section;
    }
    Ok(after)
}

/// Input for the `setRelated` mutation.
#[derive(Clone, Debug, InputObject)]
pub struct SetRelatedInput {
    /// Global ID of the article.
    id: ID,
    /// The related articles to list first, in this order. At most 100, all in the article's edition.
    /// Computed related articles follow them.
    articles: Vec<ID>,
    /// Idempotency key chosen by the client. Repeating the mutation with the same key within 24 hours
    /// applies it only once.
    idempotency_key: Option<String>,
}

impl Mutate for SetRelatedInput {
    type Id = ArticleId;

    async fn execute(&self, cx: &mut MutationCtx<'_>) -> Result<ArticleId, MutationError> {
        let (held, _) = find(cx, &self.id).await?;
        let from = held.manuscript.article.id;
        let chosen: Vec<ArticleId> = patch::ids("articles", &self.articles)?;
        if let Some(place) = chosen.iter().position(|id| *id == from) {
            let message = "An article cannot be related to itself.";
            let field = ["articles", &place.to_string()];
            return Err(UserError::new(&field, UserErrorCode::Invalid, message).into());
        }
        let edition = held.manuscript.article.edition;
        let gone = article::absent(cx.writer, edition, &chosen).await?;
        if !gone.is_empty() {
            return Err(patch::all_missing("articles", gone, "article"));
        }
        let links = related::links_of(cx.writer, from).await?.into_iter();
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
        related::set(cx.writer, from, &links).await?;
        Ok(from)
    }
}

/// The changes to apply to a manuscript.
#[derive(Clone, Copy)]
struct Patch<'a> {
    headline: Option<&'a str>,
    parts: &'a ArticleParts,
}

impl Patch<'_> {
    async fn put_into(
        self,
        cx: &MutationCtx<'_>,
        manuscript: Manuscript,
    ) -> Result<Manuscript, MutationError> {
        let former: Slug = manuscript.article.slug.clone();
        let parts = self.parts;
        parts
            .put_into(cx, manuscript, self.headline, Some(former))
            .await
    }

    async fn put_blindly_into(
        self,
        cx: &MutationCtx<'_>,
        manuscript: Manuscript,
    ) -> Result<Manuscript, MutationError> {
        let former: Slug = manuscript.article.slug.clone();
        let parts = self.parts;
        parts
            .put_blindly_into(cx, manuscript, self.headline, Some(former))
            .await
    }
}

/// Loads the article that the input names, if the viewer may know of it, and locks it against other
/// writers. Also returns whether the article is the viewer's own.
async fn find(cx: &MutationCtx<'_>, id: &ID) -> Result<(LockedArticle, bool), MutationError> {
    let id: ArticleId = input_parse::id(&["id"], id)?;
    let not_found = || UserError::not_found(&["id"], "article");
    let held = article::lock(cx.writer, id).await?.ok_or_else(not_found)?;
    let own = cx.viewer.account.is_some() && held.editorial.created_by == cx.viewer.account;
    let status = held.manuscript.article.status;
    let public = status == Status::Published || held.editorial.withdrawal.is_some();
    if own || public || cx.viewer.may(Right::Publish) {
        Ok((held, own))
    } else {
        Err(not_found().into())
    }
}

/// Returns the status that a step leads to, if the viewer may take the step here.
fn allowed(
    cx: &MutationCtx<'_>,
    held: &LockedArticle,
    own: bool,
    step: Transition,
) -> Result<Status, MutationError> {
    let status = held.manuscript.article.status;
    step.take(cx.viewer, own, status).map_err(|refused| {
        let (code, message) = match refused {
            TransitionError::NotAllowed => (
                UserErrorCode::NotAllowed,
                format!(
                    "You are not allowed to {} this article in its current status.",
                    step.as_str()
                ),
            ),
            TransitionError::WrongStatus => (
                UserErrorCode::WrongStatus,
                format!(
                    "The article has the status `{}`, which does not allow the step `{}`.",
                    status.as_str(),
                    step.as_str()
                ),
            ),
        };
        UserError::new(&["id"], code, message).into()
    })
}

/// Loads an article for a step, and returns the status that the step leads to.
async fn reach(
    cx: &MutationCtx<'_>,
    id: &ID,
    step: Transition,
) -> Result<(LockedArticle, Status), MutationError> {
    let (held, own) = find(cx, id).await?;
    let to = allowed(cx, &held, own, step)?;
    Ok((held, to))
}

/// Refuses a change that is based on a version other than the current one. The refusal contains the
/// changes of both sides.
async fn fresh(
    cx: &MutationCtx<'_>,
    held: &LockedArticle,
    read: Option<i32>,
    patch: Option<Patch<'_>>,
) -> Result<(), MutationError> {
    let article = &held.manuscript.article;
    let current = article.version;
    let Some(read) = read.filter(|read| *read != current) else {
        return Ok(());
    };
    if !(1..current).contains(&read) {
        let message =
            format!("The article has no version {read}. Its current version is {current}.");
        return Err(UserError::new(&["version"], UserErrorCode::Invalid, message).into());
    }
    let base = revision::get(cx.writer, article.id, read).await?;
    let yours = match (patch, &base) {
        (Some(patch), Some(base)) => {
            let slug = base.content.slug.clone();
            let mut was = base.content.clone().put_into(held.manuscript.clone())?;
            was.article.slug = slug;
            // Anything written here is rolled back with the refusal. References of the old version may
            // no longer exist, such as a story that was merged into another. That is not an error of
            // this patch.
            Some(Content::of(&patch.put_blindly_into(cx, was).await?))
        }
        _ => None,
    };
    Err(MutationError::Stale(Box::new(ArticleConflict {
        read,
        current,
        base,
        theirs: Content::of(&held.manuscript),
        yours,
    })))
}

/// The reason for changing a published text, and whether readers see it.
struct Why {
    note: Option<String>,
    silent: bool,
}

impl Why {
    fn read(text: Option<&str>, silent: Option<bool>) -> Result<Self, MutationError> {
        let (note, silent) = (note(text)?, silent.unwrap_or(false));
        if note.is_none() && !silent {
            let message = "Describe the correction for readers in `note`, or set `silent` to true.";
            return Err(UserError::new(&["note"], UserErrorCode::Invalid, message).into());
        }
        Ok(Self { note, silent })
    }
}

/// Changes a published text and, unless the correction is silent, adds a correction notice for readers.
async fn correct(
    cx: &mut MutationCtx<'_>,
    held: LockedArticle,
    mut after: Manuscript,
    to: Status,
    why: Why,
) -> Result<ArticleId, MutationError> {
    let parts = Content::of(&held.manuscript).differs(&Content::of(&after));
    if parts.is_empty() {
        let message = "A correction must change the article, but this one leaves it unchanged.";
        return Err(UserError::new(&[], UserErrorCode::Invalid, message).into());
    }
    let words = [Part::Headline, Part::Lead, Part::Body];
    if parts.iter().any(|part| words.contains(part)) {
        after.article.updated_at = Some(cx.writer.at());
    }
    let (id, version) = (after.article.id, after.article.version.saturating_add(1));
    let held = LockedArticle {
        manuscript: after,
        ..held
    };
    let note = why.note.clone();
    held.take(cx.writer, Transition::Correct, to, note).await?;
    if let Some(note) = why.note.filter(|_| !why.silent) {
        correction::add(cx.writer, id, version, &note).await?;
    }
    Ok(id)
}

fn note(text: Option<&str>) -> Result<Option<String>, MutationError> {
    text.map_or(Ok(None), |text| input_parse::text(&["note"], text))
}

mutations! {
    /// The mutations on articles.
    ArticleMutations;

    /// Creates an article as a draft. Requires the `write` right.
    "createArticle" create_article(
        CreateArticleInput: "Fields of the new article.",
    ) -> ArticlePayload, requires [Write];

    /// Updates an article that is a draft, in review or scheduled. Omitted fields are left unchanged.
    /// Null clears an optional value. Requires the `write` right and, for a scheduled article or one
    /// created by somebody else, the `publish` right.
    "updateArticle" update_article(
        UpdateArticleInput: "ID of the article and the fields to change.",
    ) -> ArticlePayload, requires [Write];

    /// Submits a draft for editorial review. Requires the `write` right and, for a draft created by
    /// somebody else, the `publish` right.
    "submitArticle" submit_article(
        SubmitArticleInput: "ID of the draft to submit.",
    ) -> ArticlePayload, requires [Write];

    /// Returns an article that is in review or scheduled to its writer as a draft. Requires the `write`
    /// right and, for a scheduled article or one created by somebody else, the `publish` right.
    "returnArticle" return_article(
        ReturnArticleInput: "ID of the article to return to draft.",
    ) -> ArticlePayload, requires [Write];

    /// Schedules an article for publication. Requires the `publish` right.
    "scheduleArticle" schedule_article(
        ScheduleArticleInput: "ID of the article and the time to publish it.",
    ) -> ArticlePayload, requires [Publish];

    /// Publishes an article now, or schedules it for later. Requires the `publish` right.
    "publishArticle" publish_article(
        PublishArticleInput: "ID of the article and, optionally, the time to publish it.",
    ) -> ArticlePayload, requires [Publish];

    /// Corrects a published article and, unless the correction is silent, shows readers a correction
    /// notice. Requires the `publish` right.
    "correctArticle" correct_article(
        CorrectArticleInput: "ID of the article and the fields to correct.",
    ) -> ArticlePayload, requires [Publish];

    /// Withdraws a published article. A tombstone that states the reason remains at its address.
    /// Requires the `publish` right.
    "withdrawArticle" withdraw_article(
        WithdrawArticleInput: "ID of the article and the reason for its withdrawal.",
    ) -> ArticlePayload, requires [Publish];

    /// Reopens a withdrawn article as a draft. Requires the `publish` right.
    "reopenArticle" reopen_article(
        ReopenArticleInput: "ID of the withdrawn article to reopen.",
    ) -> ArticlePayload, requires [Publish];

    /// Restores an earlier text of an article as a new version. For a published article, this is a
    /// correction. Requires the `write` right and, for a scheduled or published article or one created
    /// by somebody else, the `publish` right.
    "restoreRevision" restore_revision(
        RestoreRevisionInput: "ID of the article and the version to restore.",
    ) -> ArticlePayload, requires [Write];

    /// Sets the related articles that editors have chosen for an article. Requires the `publish` right.
    "setRelated" set_related(
        SetRelatedInput: "ID of the article and the related articles to list first.",
    ) -> ArticlePayload, requires [Publish];
}
