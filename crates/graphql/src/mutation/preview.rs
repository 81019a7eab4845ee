//! Previews being given out.

use async_graphql::{Context, ID, InputObject, Object};
use chrono::{SubsecRound as _, TimeDelta};
use khabar_domain::article::Status;
use khabar_domain::{ArticleId, Right};
use khabar_persistence::{article, desk, preview};

use super::{ArticlePayload, read};
use crate::error::Result;
use crate::types::{Preview, UserError, UserErrorCode};
use crate::write::{Act, Refusal, Write, Written, run};

/// Of which article, and for how long.
#[derive(Clone, Debug, InputObject)]
pub struct CreatePreviewInput {
    /// The article that it is to open.
    article: ID,
    /// For how many seconds: 60 to 2,592,000 (30 days); a day when nothing is said.
    expires_in: Option<i32>,
    /// The client's own name for this write: sent again within a day, it is made once, and the token
    /// is the same, with the same end.
    client_mutation_id: Option<String>,
}

/// A shorter one would have ended before anybody had looked at it.
const SHORTEST: i32 = 60;
const LONGEST: i32 = khabar_domain::Preview::LONGEST;
const USUAL: i32 = 24 * 60 * 60;

impl CreatePreviewInput {
    /// For how long it is asked for.
    pub(super) fn lasting(&self) -> TimeDelta {
        TimeDelta::seconds(self.expires_in.unwrap_or(USUAL).into())
    }
}

impl Write for CreatePreviewInput {
    const NAME: &'static str = "createPreview";
    const RIGHT: Right = Right::Write;
    const OR: &'static [Right] = &[Right::Publish];
    type Id = ArticleId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<ArticleId, Refusal> {
        let id: ArticleId = read::id(&["article"], &self.article)?;
        let seconds = self.expires_in.unwrap_or(USUAL);
        if !(SHORTEST..=LONGEST).contains(&seconds) {
            let message = format!("It is {seconds}: it may be {SHORTEST} to {LONGEST} seconds.");
            return Err(UserError::new(&["expiresIn"], UserErrorCode::Invalid, message).into());
        }
        let status = theirs(act, id).await?;
        if status == Status::Withdrawn {
            let message = "It was withdrawn: its text is shown to nobody until it is reopened.";
            return Err(UserError::new(&["article"], UserErrorCode::WrongStatus, message).into());
        }
        let bits = act.bits();
        preview::give(act.writer, id, bits).await?;
        Ok(id)
    }
}

/// The status of an article of which the viewer may give previews, and take them back.
async fn theirs(act: &Act<'_>, id: ArticleId) -> Result<Status, Refusal> {
    let unknown = || UserError::not_found(&["article"], "article");
    let status = article::status(act.writer, id).await?.ok_or_else(unknown)?;
    let kept = desk::find(act.writer, id).await?;
    let theirs = kept.created_by.is_some() && kept.created_by == act.viewer.account;
    if act.viewer.may(Right::Publish) || theirs {
        return Ok(status);
    }
    // Of what they may not see, they do not learn that it is there.
    let seen = status == Status::Published || kept.withdrawal.is_some();
    let message = "Only who may publish has to do with previews of other people's articles.";
    Err(if seen {
        UserError::new(&["article"], UserErrorCode::NotAllowed, message).into()
    } else {
        unknown().into()
    })
}

/// Of which article.
#[derive(Clone, Debug, InputObject)]
pub struct RevokePreviewsInput {
    /// The article of which every preview is taken back that was given out so far.
    article: ID,
    /// The client's own name for this write: sent again within a day, it is made once.
    client_mutation_id: Option<String>,
}

impl Write for RevokePreviewsInput {
    const NAME: &'static str = "revokePreviews";
    const RIGHT: Right = Right::Write;
    const OR: &'static [Right] = &[Right::Publish];
    type Id = ArticleId;

    fn client_mutation_id(&self) -> Option<&str> {
        self.client_mutation_id.as_deref()
    }

    async fn act(&self, act: &mut Act<'_>) -> Result<ArticleId, Refusal> {
        let id: ArticleId = read::id(&["article"], &self.article)?;
        theirs(act, id).await?;
        preview::revoke(act.writer, id).await?;
        Ok(id)
    }
}

/// What came of asking for a preview.
pub struct CreatePreviewPayload {
    written: Written<ArticleId>,
    lasting: TimeDelta,
}

/// What came of asking for a preview.
#[Object]
impl CreatePreviewPayload {
    /// The preview; null when the mutation was not carried out.
    fn preview(&self) -> Option<Preview> {
        // In whole seconds, as the token says it; counted from when it was given, so that the one
        // that is asked for again is signed to the same text.
        let until = self.written.at.trunc_subsecs(0) + self.lasting;
        let article = self.written.id?;
        Some(Preview { article, until })
    }

    /// What kept the mutation from being carried out; empty when it was.
    fn user_errors(&self) -> &[UserError] {
        &self.written.errors
    }

    /// The client's own name for this write, as it was sent.
    fn client_mutation_id(&self) -> Option<&str> {
        self.written.client_mutation_id.as_deref()
    }
}

impl CreatePreviewPayload {
    /// What came of it, for a preview that lasts so long.
    pub(super) fn new(written: Written<ArticleId>, lasting: TimeDelta) -> Self {
        Self { written, lasting }
    }
}

/// The mutations of previews.
#[derive(Default)]
pub(crate) struct PreviewMutations;

#[Object]
impl PreviewMutations {
    /// Gives a token that shows one article before readers see it, to an app that sends it as the
    /// header `Khabar-Preview` with its usual queries. It opens nothing else. Needs the right
    /// `publish`, or `write` for one's own article.
    async fn create_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which article, and for how long.")] input: CreatePreviewInput,
    ) -> Result<CreatePreviewPayload> {
        let lasting = input.lasting();
        Ok(CreatePreviewPayload::new(run(ctx, input).await?, lasting))
    }

    /// Takes back every preview of an article that was given out so far: they open nothing from now on,
    /// on every server. Needs the right `publish`, or `write` for one's own article.
    async fn revoke_previews(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which article.")] input: RevokePreviewsInput,
    ) -> Result<ArticlePayload> {
        Ok(run(ctx, input).await?.into())
    }
}
