//! What a client may know of a failure: a code out of one table, and a sentence that is safe to show.
//!
//! This is the only file that writes `extensions.code`. What really happened goes to the log.

use async_graphql::{Context, ErrorExtensionValues, ServerError, Value};

use crate::document::Arose;

/// The name under which a client finds the code.
const CODE: &str = "code";

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// Every code that `extensions.code` can hold.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// The whole table, in the order of this file.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The code as clients read it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

codes! {
    /// The HTTP request is not a GraphQL request: malformed JSON, a wrong member, no document.
    BadRequest = "BAD_REQUEST",
    /// This HTTP method cannot run the operation.
    MethodNotAllowed = "METHOD_NOT_ALLOWED",
    /// None of the media types that the client accepts can be given.
    NotAcceptable = "NOT_ACCEPTABLE",
    /// The request's body is of a media type that is not read.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE",
    /// The request's body is larger than the server reads.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE",
    /// The client has sent more in a minute than it may.
    RateLimited = "RATE_LIMITED",
    /// The request took longer than the server allows.
    RequestTimeout = "REQUEST_TIMEOUT",
    /// A write took longer than the server waits for it. It may have been carried out, or may be yet:
    /// who sends it again with its `clientMutationId` learns its outcome, and it is done once.
    OutcomeUnknown = "OUTCOME_UNKNOWN",
    /// The server has as much to do as it takes. Nothing was carried out; `Retry-After` says when to
    /// come again.
    Overloaded = "OVERLOADED",

    /// The document is not GraphQL.
    ParseFailed = "GRAPHQL_PARSE_FAILED",
    /// The document does not fit the schema.
    ValidationFailed = "GRAPHQL_VALIDATION_FAILED",
    /// The document has no operation of that name, or several and none was named.
    OperationNotFound = "OPERATION_RESOLUTION_FAILURE",
    /// A subscription was sent over a transport that carries one answer.
    SubscriptionNotSupported = "SUBSCRIPTION_NOT_SUPPORTED",
    /// Introspection is switched off on this server.
    IntrospectionDisabled = "INTROSPECTION_DISABLED",

    /// The document that a request names is not known here. Clients that named it by its hash send its
    /// text with the hash then.
    PersistedQueryNotFound = "PERSISTED_QUERY_NOT_FOUND",
    /// This server remembers no documents by their hash unless they are registered.
    PersistedQueryNotSupported = "PERSISTED_QUERY_NOT_SUPPORTED",
    /// The hash that came with a document is not that of its text.
    PersistedQueryHashMismatch = "PERSISTED_QUERY_HASH_MISMATCH",
    /// This server runs registered documents alone, and this is none.
    DocumentNotTrusted = "DOCUMENT_NOT_TRUSTED",

    /// The document has more bytes than allowed.
    LimitBytes = "LIMIT_BYTES",
    /// A name in the document, or that of the operation to run, is longer than allowed.
    LimitName = "LIMIT_NAME",
    /// The document has more tokens than allowed.
    LimitTokens = "LIMIT_TOKENS",
    /// Braces, brackets and lists are nested deeper than allowed.
    LimitNesting = "LIMIT_NESTING",
    /// With its fragments written out, the document selects more than allowed.
    LimitSelections = "LIMIT_SELECTIONS",
    /// Fields are nested deeper than allowed.
    LimitDepth = "LIMIT_DEPTH",
    /// The operation could cost more than allowed.
    LimitComplexity = "LIMIT_COMPLEXITY",
    /// The operation has more aliases than allowed.
    LimitAliases = "LIMIT_ALIASES",
    /// The operation has more directives than allowed.
    LimitDirectives = "LIMIT_DIRECTIVES",
    /// The operation has more fields at its root than allowed.
    LimitRootFields = "LIMIT_ROOT_FIELDS",
    /// A list in the document or the variables is longer than allowed.
    LimitList = "LIMIT_LIST",
    /// Introspection goes through more lists inside lists than allowed.
    LimitIntrospection = "LIMIT_INTROSPECTION",
    /// A page was asked for that is larger than allowed.
    LimitPage = "LIMIT_PAGE",

    /// The answer has more bytes than allowed, or is sure to have.
    LimitAnswerBytes = "LIMIT_ANSWER_BYTES",

    /// An argument or a variable has a value that cannot be used.
    BadUserInput = "BAD_USER_INPUT",
    /// What was asked for does not exist, or is not for this viewer.
    NotFound = "NOT_FOUND",
    /// The request does not say who is asking, or its token is none that counts here.
    Unauthenticated = "UNAUTHENTICATED",
    /// The viewer may not do or see this.
    Forbidden = "FORBIDDEN",
    /// The database does not answer, or is busy for too long: the same request may succeed in a moment.
    Unavailable = "UNAVAILABLE",
    /// What was asked for is stored, but what is stored of it breaks a rule of the newsroom, so that it
    /// cannot be shown. The server's log says which row it is, and `khabar check` names all such rows.
    BrokenRow = "BROKEN_ROW",
    /// The server failed; its log says why.
    Internal = "INTERNAL",
}

impl Code {
    /// The failure of the server itself that this code tells of, if it does: not of anything that the
    /// client asked for.
    pub fn outage(self) -> Option<Outage> {
        match self {
            Self::Internal => Some(Outage::Broken),
            Self::RequestTimeout | Self::OutcomeUnknown | Self::Overloaded | Self::Unavailable => {
                Some(Outage::Passing)
            }
            _ => None,
        }
    }

    /// The code of this text.
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

/// A failure of the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outage {
    /// It may well be over when the client tries again.
    Passing,
    /// Nobody knows when it is over.
    Broken,
}

/// Why a resolver could not answer: what the client may know of it.
///
/// It must never be `Display` (so it is no `std::error::Error` either): async-graphql turns any
/// `Display` type into an error of its own by a blanket `From`, with the text and without the code.
#[derive(Clone, Debug)]
pub struct Error {
    code: Code,
    message: String,
    details: Vec<(&'static str, Value)>,
    arose: Option<Arose>,
}

/// What a resolver answers, or why it could not.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of this code; the message is shown to the client as it is.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Vec::new(),
            arose: None,
        }
    }

    /// The client's argument cannot be used; the message says which, and what it should be.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Code::BadUserInput, message)
    }

    /// What was asked for is not there.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// A limit was passed: its name, what it allows, and what was asked for.
    pub fn over_limit(code: Code, limit: &'static str, allowed: u64, had: u64) -> Self {
        Self::new(
            code,
            format!("The limit `{limit}` is {allowed}; this request has {had}."),
        )
        .with("limit", limit)
        .with("allowed", allowed)
        .with("had", had)
    }

    /// The server's own failure: the cause goes to the log, the client learns only that it happened.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        let mut chain = cause.to_string();
        let mut deeper = cause.source();
        while let Some(next) = deeper {
            chain.push_str(": ");
            chain.push_str(&next.to_string());
            deeper = next.source();
        }
        tracing::error!(cause = chain, "a resolver failed");
        Self::unexplained()
    }

    /// What was asked for is there and cannot be read; the log names the row.
    pub fn broken_row() -> Self {
        let message = "What is stored of this cannot be read.";
        Self::new(Code::BrokenRow, message)
    }

    /// An internal failure whose cause is already in the log.
    pub fn unexplained() -> Self {
        Self::new(Code::Internal, "The server could not answer this.")
    }

    /// Adds a detail to the error's `extensions`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// Notes that it arose in the field of this context, unless that is noted.
    #[must_use]
    pub(crate) fn at(mut self, ctx: &Context<'_>) -> Self {
        self.arose.get_or_insert_with(|| Arose::here(ctx));
        self
    }

    /// The code that the client will see.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The sentence that the client will see.
    pub fn message(&self) -> &str {
        &self.message
    }

    fn extensions(&self) -> ErrorExtensionValues {
        let mut extensions = ErrorExtensionValues::default();
        for (name, value) in &self.details {
            extensions.set(name, value.clone());
        }
        extensions.set(CODE, self.code.as_str());
        extensions
    }
}

impl From<Error> for async_graphql::Error {
    fn from(error: Error) -> Self {
        Self {
            extensions: Some(error.extensions()),
            message: error.message,
            source: error.arose.map(Arose::into_source),
        }
    }
}

impl From<Error> for ServerError {
    fn from(error: Error) -> Self {
        let extensions = error.extensions();
        let mut server = Self::new(error.message, None);
        server.extensions = Some(extensions);
        server
    }
}

impl From<khabar_persistence::Error> for Error {
    fn from(error: khabar_persistence::Error) -> Self {
        match error {
            // What was refused came from the client: a cursor of another list, a value out of range.
            khabar_persistence::Error::Invalid(invalid) => Self::bad_input(invalid.to_string()),
            khabar_persistence::Error::OutcomeUnknown { .. } => {
                tracing::warn!(cause = %error, "commit_outcome_unknown");
                Self::new(
                    Code::OutcomeUnknown,
                    "Nobody heard whether the write was carried out. Send it again with the same \
                     `clientMutationId`: it is carried out once, and you are told what came of it.",
                )
            }
            error if error.is_unavailable() => {
                tracing::warn!(cause = %error, "database_unavailable");
                Self::new(
                    Code::Unavailable,
                    "The database does not answer. Try again in a moment.",
                )
            }
            error @ khabar_persistence::Error::BrokenRow(_) => {
                tracing::error!(cause = %error, "a write depends on a broken row");
                Self::broken_row()
            }
            error => Self::internal(&error),
        }
    }
}

/// How the engine's own messages about arguments begin.
///
/// It gives them no code and no type of their own, so its words are all there is to tell them by.
const ABOUT_INPUT: [&str; 3] = [
    "Failed to parse \"",
    "Expected input type \"",
    "Invalid value for argument ",
];

/// Gives a code to an error of execution that has none.
///
/// Those about arguments are the client's. Whatever else comes without a code was not written for
/// clients, so it is logged and hidden.
pub(crate) fn complete(error: &mut ServerError) {
    if code_of(error).is_some() {
        return;
    }
    if ABOUT_INPUT
        .iter()
        .any(|start| error.message.starts_with(start))
    {
        error
            .extensions
            .get_or_insert_default()
            .set(CODE, Code::BadUserInput.as_str());
        return;
    }
    tracing::error!(cause = error.message, path = ?error.path, "an error without a code");
    let hidden = Error::unexplained();
    error.extensions = Some(hidden.extensions());
    error.message = hidden.message;
}

/// The failure of the server itself that this error tells of, if it does.
pub(crate) fn outage_of(error: &ServerError) -> Option<Outage> {
    code_of(error).and_then(Code::parse)?.outage()
}

/// How many characters a message may have; values that it cites may be as long as a request.
const MOST_SAID: usize = 1_000;

/// Cuts a message that is longer than it helps anybody, before it is logged and sent.
pub(crate) fn shorten(error: &mut ServerError) {
    if let Some((end, _)) = error.message.char_indices().nth(MOST_SAID) {
        error.message.truncate(end);
        error.message.push('…');
    }
}

/// The code that this error carries.
pub(crate) fn code_of(error: &ServerError) -> Option<&str> {
    match error.extensions.as_ref()?.get(CODE)? {
        Value::String(code) => Some(code),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn no_two_failures_share_a_code() {
        let texts: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
    }

    #[test]
    fn a_limit_names_itself_what_it_allows_and_what_it_was_given() {
        let error: ServerError = Error::over_limit(Code::LimitDepth, "depth", 12, 40).into();
        let json = serde_json::to_string(&error).unwrap();
        assert_eq!(
            json,
            r#"{"message":"The limit `depth` is 12; this request has 40.","#.to_owned()
                + r#""extensions":{"allowed":12,"code":"LIMIT_DEPTH","had":40,"limit":"depth"}}"#
        );
    }

    #[test]
    fn a_message_has_its_length() {
        let mut error = ServerError::new("م".repeat(MOST_SAID), None);
        shorten(&mut error);
        assert_eq!(error.message.chars().count(), MOST_SAID);
        error.message.push_str("more");
        shorten(&mut error);
        assert_eq!(error.message, "م".repeat(MOST_SAID) + "…");
    }

    #[test]
    fn a_cause_stays_in_the_server() {
        let cause = std::io::Error::other("password=secret");
        let error: async_graphql::Error = Error::internal(&cause).into();
        assert!(!format!("{error:?}").contains("secret"));
        assert!(error.source.is_none());
    }

    #[test]
    fn an_error_that_was_not_written_for_clients_is_hidden() {
        let mut error = ServerError::new("Data `db::Pool` does not exist.", None);
        complete(&mut error);
        assert_eq!(error.message, "The server could not answer this.");
        assert_eq!(code_of(&error), Some("INTERNAL"));
    }

    #[test]
    fn an_error_about_an_argument_is_the_clients() {
        let mut error = ServerError::new(r#"Failed to parse "Slug": empty"#, None);
        complete(&mut error);
        assert_eq!(error.message, r#"Failed to parse "Slug": empty"#);
        assert_eq!(code_of(&error), Some("BAD_USER_INPUT"));
    }
}
