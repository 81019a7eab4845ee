//! What is sent back: as which media type, in which coding, with which status, and for how long it
//! may be held.

use std::time::Duration;

use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use chrono::{DateTime, Utc};
use khabar_graphql::answer::{Answer, RequestError};
use khabar_graphql::document::Kind;
use khabar_graphql::error::{Code, Error, Outage};

use super::coding::{self, Coding};
use super::media::Media;
use super::run::{About, Limit};
use super::whole::Whole;
use super::{Refused, fresh, surrogate};
use crate::rate_limit::Limited;

/// What an answer depends on besides its address.
const VARY: HeaderValue = HeaderValue::from_static(
    "accept, accept-encoding, authorization, khabar-position, khabar-preview",
);
const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
/// What was sent by POST is no resource to keep, and an error is rather asked again.
pub(super) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// What is sent back, before it is known as which media type.
pub(super) struct Reply {
    /// Boxed: a reply is the error of results whose other side is small.
    pub(super) answer: Box<Answer>,
    pub(super) status: Status,
    /// What was carried out, if anything was.
    pub(super) about: Option<About>,
}

pub(super) enum Status {
    /// The request was understood; the media type says how its answer's status is told.
    Understood,
    /// HTTP itself has a status for this.
    Fixed(StatusCode),
}

impl Reply {
    /// An operation that the server itself left without any answer is told by the status, whatever the
    /// media type and the method: a cache takes a 200 for an answer, and with a 5xx it shows what it had
    /// before (RFC 5861 §4). Data that is not null demands a 200, so fields that are all null are left
    /// out.
    pub(super) fn understood(answer: Answer) -> Self {
        let (answer, status) = match answer.outage() {
            None => (answer, Status::Understood),
            Some(outage) => (answer.without_data(), Status::Fixed(status_of(outage))),
        };
        Self {
            answer: Box::new(answer),
            status,
            about: None,
        }
    }

    pub(super) fn fixed(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self {
            answer: Box::new(Answer::because(Error::new(code, message))),
            status: Status::Fixed(status),
            about: None,
        }
    }

    pub(super) fn of_nobody(refused: Refused) -> Self {
        match refused {
            Refused::Unauthenticated(message) => {
                Self::fixed(StatusCode::UNAUTHORIZED, Code::Unauthenticated, message)
            }
            Refused::BadInput(message) => {
                Self::fixed(StatusCode::BAD_REQUEST, Code::BadUserInput, message)
            }
            Refused::TooMany(limited) => Self::too_many(limited),
            Refused::Unavailable => Self::fixed(
                StatusCode::SERVICE_UNAVAILABLE,
                Code::Unavailable,
                "The database does not answer. Try again in a moment.",
            ),
            Refused::Failed => Self::fixed(
                StatusCode::INTERNAL_SERVER_ERROR,
                Code::Internal,
                "The server could not find out who is asking.",
            ),
        }
    }

    /// Its client has sent too much of something.
    pub(super) fn too_many(limited: Limited) -> Self {
        let Limited {
            counted,
            quota,
            retry_after,
        } = limited;
        let message = format!(
            "No more than {quota} {counted} are answered in a minute: send the next in {retry_after} s."
        );
        Self::fixed(StatusCode::TOO_MANY_REQUESTS, Code::RateLimited, message)
    }

    /// Whether it tells of an error, and none that is the server's own or was not counted before.
    pub(super) fn is_clients_fault(&self) -> bool {
        self.answer.has_errors()
            && !self.answer.has_outage()
            && !matches!(self.status, Status::Fixed(StatusCode::TOO_MANY_REQUESTS))
    }

    /// The time that a request may take is over. Where it was to write, nobody knows whether it did.
    pub(super) fn of_no_time(limit: Limit, about: Option<About>) -> Self {
        let is_write = about
            .as_ref()
            .is_some_and(|about| about.kind == Kind::Mutation);
        let took = format!("took longer than {} ms", limit.milliseconds);
        let (code, message) = if is_write {
            let message = format!(
                "The write {took}, and its outcome is unknown: it may have been carried out, or may \
                 be yet. Send it again with the same `clientMutationId`: it is done once, and the \
                 answer is that of the first time. A write without one is not to be sent again \
                 before it was looked whether it was done."
            );
            (Code::OutcomeUnknown, message)
        } else {
            (Code::RequestTimeout, format!("The answer {took}."))
        };
        Self {
            about,
            ..Self::fixed(StatusCode::SERVICE_UNAVAILABLE, code, message)
        }
    }

    /// There is no turn for it now.
    pub(super) fn of_no_turn(error: Error) -> Self {
        Self {
            answer: Box::new(Answer::because(error)),
            status: Status::Fixed(StatusCode::SERVICE_UNAVAILABLE),
            about: None,
        }
    }

    /// Whether nothing could be answered because the database did not answer.
    pub(super) fn is_unavailable(&self) -> bool {
        let unavailable = Code::Unavailable.as_str();
        matches!(self.status, Status::Fixed(StatusCode::SERVICE_UNAVAILABLE))
            && self.answer.codes().any(|code| code == unavailable)
    }

    /// The document that was asked for cannot be had, or does not run here.
    pub(super) fn of_no_document(error: Error) -> Self {
        let is_ours = error.code() == Code::Internal;
        let mut reply = Self::understood(Answer::because(error));
        if is_ours {
            reply.status = Status::Fixed(StatusCode::INTERNAL_SERVER_ERROR);
        }
        reply
    }

    /// The same, to what was carried out.
    pub(super) fn to(self, about: About) -> Self {
        Self {
            about: Some(about),
            ..self
        }
    }

    /// What carried the operation out broke down; its panic is in the log.
    pub(super) fn broken() -> Self {
        Self {
            answer: Box::new(Answer::because(Error::unexplained())),
            status: Status::Fixed(StatusCode::INTERNAL_SERVER_ERROR),
            about: None,
        }
    }

    pub(super) fn unreadable(error: RequestError) -> Self {
        Self {
            answer: Box::new(Answer::refused(vec![error])),
            status: Status::Fixed(StatusCode::BAD_REQUEST),
            about: None,
        }
    }
}

fn status_of(outage: Outage) -> StatusCode {
    match outage {
        Outage::Passing => StatusCode::SERVICE_UNAVAILABLE,
        Outage::Broken => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Writes a reply that nobody keeps.
pub(super) async fn send(reply: &Reply, media: Media, asked: &HeaderMap) -> Response {
    let status = match reply.status {
        Status::Fixed(status) => status,
        Status::Understood if reply.answer.is_refused() => media.status_of_refusal(),
        Status::Understood => StatusCode::OK,
    };
    let body = Bytes::from(reply.answer.to_json());
    let mut response = match coding::negotiate(asked, body.len()) {
        Some(coding) => match coding.code(&body).await {
            Ok(bytes) => written(bytes.into(), media, Some(coding)),
            Err(_) => written(body, media, None),
        },
        None => written(body, media, None),
    };
    *response.status_mut() = status;
    response
}

/// Writes an answer that says all that was asked; caches may hold it from a moment on by these settings,
/// if there are any.
pub(super) async fn send_whole(
    whole: &Whole,
    media: Media,
    asked: &HeaderMap,
    cache: Option<(&fresh::Settings, DateTime<Utc>)>,
) -> Response {
    let body = whole.body();
    let mut response = match coding::negotiate(asked, body.len()) {
        Some(coding) => match whole.coded(coding).await {
            Ok(bytes) => written(bytes, media, Some(coding)),
            Err(_) => written(body.clone(), media, None),
        },
        None => written(body.clone(), media, None),
    };
    let headers = response.headers_mut();
    if let Some((cache, now)) = cache {
        let keys = surrogate::headers(&cache.surrogate, whole.keys());
        // What could not be purged is held by nobody without asking.
        let hold = match keys {
            Some(_) => whole.hold_from(now),
            None => Some(Duration::ZERO),
        };
        headers.insert(header::CACHE_CONTROL, cache.public(hold));
        headers.extend(keys.into_iter().flatten());
        if let Some(tag) = whole.tag(media) {
            headers.insert(header::ETAG, tag);
        }
    }
    response
}

/// A response with this body in a coding, which nobody keeps unless it says so.
fn written(body: Bytes, media: Media, coding: Option<Coding>) -> Response {
    let mut response = Response::new(body.into());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, media.content_type());
    if let Some(coding) = coding {
        headers.insert(header::CONTENT_ENCODING, coding.header());
    }
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(header::VARY, VARY);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    response
}
