//! Errors as clients see them: a code from one table, and a message that is safe to show.
//!
//! This is the only file that writes `extensions.code`. The underlying cause is written to the log.

use async_graphql::{ErrorExtensionValues, Pos, ServerError, Value};

/// The key of the code in an error's `extensions`.
const CODE: &str = "code";

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $text:literal,)+) => {
        /// The codes that `extensions.code` can contain.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl Code {
            /// All codes, in the order of this file.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// Returns the code as sent to clients.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }
    };
}

codes! {
    /// The HTTP request is not a GraphQL request: it has malformed JSON, an invalid member, or no
    /// document.
    BadRequest = "BAD_REQUEST",
    /// The operation cannot be run with this HTTP method.
    MethodNotAllowed = "METHOD_NOT_ALLOWED",
    /// The server cannot produce any of the media types that the client accepts.
    NotAcceptable = "NOT_ACCEPTABLE",
    /// The media type of the request body is not supported.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE",
    /// The request body is larger than the server accepts.
    PayloadTooLarge = "PAYLOAD_TOO_LARGE",
    /// The client has exceeded its rate limit, which is measured per minute.
    RateLimited = "RATE_LIMITED",
    /// The request exceeded the server's time limit.
    RequestTimeout = "REQUEST_TIMEOUT",
    /// A write was not confirmed in time. It may have been carried out, or may still be. Send it again
    /// with the same `idempotencyKey` to learn the outcome: the write is carried out only once.
    OutcomeUnknown = "OUTCOME_UNKNOWN",
    /// The server is at capacity. Nothing was carried out. The `Retry-After` header states when to try
    /// again.
    Overloaded = "OVERLOADED",

    /// The document is not syntactically valid GraphQL.
    ParseFailed = "GRAPHQL_PARSE_FAILED",
    /// The document is not valid against the schema.
    ValidationFailed = "GRAPHQL_VALIDATION_FAILED",
    /// The document has no operation with the given name, or it has several operations and no name was
    /// given.
    OperationNotFound = "OPERATION_RESOLUTION_FAILURE",
    /// A subscription was sent over a transport that carries only one response.
    SubscriptionNotSupported = "SUBSCRIPTION_NOT_SUPPORTED",
    /// Introspection is disabled on this server.
    IntrospectionDisabled = "INTROSPECTION_DISABLED",

    /// The server does not know the persisted document that the request refers to. Clients that
    /// referred to it by hash should send the text together with the hash.
    PersistedQueryNotFound = "PERSISTED_QUERY_NOT_FOUND",
    /// This server does not store documents by hash. Only registered documents can be referred to by
    /// hash.
    PersistedQueryNotSupported = "PERSISTED_QUERY_NOT_SUPPORTED",
    /// The hash sent with a document does not match the document's text.
    PersistedQueryHashMismatch = "PERSISTED_QUERY_HASH_MISMATCH",
    /// This server runs only registered documents, and this document is not registered.
    DocumentNotTrusted = "DOCUMENT_NOT_TRUSTED",

    /// The document is larger than allowed, in bytes.
    LimitBytes = "LIMIT_BYTES",
    /// A name in the document, or the name of the operation to run, is longer than allowed.
    LimitName = "LIMIT_NAME",
    /// The document has more tokens than allowed.
    LimitTokens = "LIMIT_TOKENS",
    /// Braces, brackets and lists are nested deeper than allowed.
    LimitNesting = "LIMIT_NESTING",
    /// The document selects more fields and fragments than allowed, counted with its fragments
    /// expanded.
    LimitSelections = "LIMIT_SELECTIONS",
    /// Fields are nested deeper than allowed.
    LimitDepth = "LIMIT_DEPTH",
    /// The estimated cost of the operation is higher than allowed.
    LimitComplexity = "LIMIT_COMPLEXITY",
    /// The operation has more aliases than allowed.
    LimitAliases = "LIMIT_ALIASES",
    /// The operation has more directives than allowed.
    LimitDirectives = "LIMIT_DIRECTIVES",
    /// The operation has more root fields than allowed.
    LimitRootFields = "LIMIT_ROOT_FIELDS",
    /// A list in the document or the variables is longer than allowed.
    LimitList = "LIMIT_LIST",
    /// Introspection nests lists more deeply than allowed.
    LimitIntrospection = "LIMIT_INTROSPECTION",
    /// The requested page is larger than allowed.
    LimitPage = "LIMIT_PAGE",

    /// The response is larger than allowed, in bytes, or is certain to become so.
    LimitResponseBytes = "LIMIT_RESPONSE_BYTES",

    /// An argument or a variable has an invalid value.
    BadUserInput = "BAD_USER_INPUT",
    /// The requested object does not exist, or the viewer may not see it.
    NotFound = "NOT_FOUND",
    /// The request has no credentials, or its token is not valid on this server.
    Unauthenticated = "UNAUTHENTICATED",
    /// The viewer does not have permission to do or see this.
    Forbidden = "FORBIDDEN",
    /// The database does not respond, or has been busy for too long. The request may succeed if it is
    /// sent again shortly.
    Unavailable = "UNAVAILABLE",
    /// The requested object is stored, but its data violates a rule of the newsroom, so it cannot be
    /// shown. The server's log names the row, and `khabar check` lists all such rows.
    BrokenRow = "BROKEN_ROW",
    /// The server failed. The cause is in its log.
    Internal = "INTERNAL",
}

impl Code {
    /// Returns the kind of server failure that this code reports. `None` if the code reports a problem
    /// with the request instead.
    pub fn outage(self) -> Option<Outage> {
        match self {
            Self::Internal => Some(Outage::Permanent),
            Self::RequestTimeout | Self::OutcomeUnknown | Self::Overloaded | Self::Unavailable => {
                Some(Outage::Temporary)
            }
            _ => None,
        }
    }

    /// Returns the code with this text.
    fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

/// A failure of the server itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outage {
    /// A temporary failure. A retry may succeed.
    Temporary,
    /// A failure of unknown duration.
    Permanent,
}

/// A resolver error, reduced to the details that the client may see.
///
/// This type must never implement `Display`, and so it does not implement `std::error::Error` either. A
/// blanket `From` in async-graphql converts any `Display` type into its own error type, with the text
/// but without the code.
#[derive(Clone, Debug)]
pub struct Error {
    code: Code,
    message: String,
    details: Vec<(&'static str, Value)>,
    /// The position of the argument that is invalid, if the error is about one.
    argument: Option<Pos>,
}

/// The result of a resolver.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// Creates an error with this code. The message is shown to the client unchanged.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Vec::new(),
            argument: None,
        }
    }

    /// Creates an error for an invalid argument. The message should name the argument and describe a
    /// valid value.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(Code::BadUserInput, message)
    }

    /// Creates an error for a requested object that does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Code::NotFound, message)
    }

    /// Creates an error for an exceeded limit, with the limit's name, the allowed value and the actual
    /// value.
    pub fn over_limit(code: Code, limit: &'static str, allowed: u64, had: u64) -> Self {
        Self::new(
            code,
            format!("The limit `{limit}` is {allowed}; this request has {had}."),
        )
        .with("limit", limit)
        .with("allowed", allowed)
        .with("had", had)
    }

    /// Creates an error for a failure of the server. Logs the cause; the client learns only that the
    /// server failed.
    pub fn internal(cause: &dyn std::error::Error) -> Self {
        let mut chain = cause.to_string();
        let mut deeper = cause.source();
        while let Some(next) = deeper {
            chain.push_str(": ");
            chain.push_str(&next.to_string());
            deeper = next.source();
        }
        tracing::error!(cause = chain, "resolver_failed");
        Self::unexplained()
    }

    /// Creates an error for an object that exists but cannot be read. The log names the row.
    pub fn broken_row() -> Self {
        let message = "The stored data of this object cannot be read.";
        Self::new(Code::BrokenRow, message)
    }

    /// Creates an error for an internal failure whose cause is already logged.
    pub fn unexplained() -> Self {
        Self::new(Code::Internal, "An internal error occurred.")
    }

    /// Adds a detail to the error's `extensions`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// Records the position of the argument that the error is about.
    #[must_use]
    pub(crate) fn about_argument(self, at: Pos) -> Self {
        Self {
            argument: Some(at),
            ..self
        }
    }

    /// Returns the position of the argument that the error is about.
    pub(crate) fn argument(&self) -> Option<Pos> {
        self.argument
    }

    /// Returns the code that the client sees.
    pub fn code(&self) -> Code {
        self.code
    }

    /// Returns the message that the client sees.
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
            source: None,
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
            // Invalid values come from the client: a cursor of another list, or a value out of range.
            khabar_persistence::Error::Invalid(invalid) => Self::bad_input(invalid.to_string()),
            khabar_persistence::Error::OutcomeUnknown { .. } => {
                tracing::warn!(cause = %error, "commit_outcome_unknown");
                Self::new(
                    Code::OutcomeUnknown,
                    "It is unknown whether the write was carried out. Send it again with the same \
                     `idempotencyKey`: it is carried out only once, and the response states its \
                     outcome.",
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
                tracing::error!(cause = %error, "mutation_on_broken_row");
                Self::broken_row()
            }
            error => Self::internal(&error),
        }
    }
}

/// Prefixes of the engine's own messages about arguments.
///
/// The engine gives these errors neither a code nor a type of their own, so only the wording identifies
/// them.
const INPUT_ERROR_PREFIXES: [&str; 3] = [
    "Failed to parse \"",
    "Expected input type \"",
    "Invalid value for argument ",
];

/// Adds a code to an execution error that has none.
///
/// Errors about arguments are the client's fault. Any other error without a code was not written for
/// clients, so it is logged and hidden.
pub(crate) fn complete(error: &mut ServerError) {
    if code_of(error).is_some() {
        return;
    }
    if INPUT_ERROR_PREFIXES
        .iter()
        .any(|start| error.message.starts_with(start))
    {
        error
            .extensions
            .get_or_insert_default()
            .set(CODE, Code::BadUserInput.as_str());
        return;
    }
    tracing::error!(cause = error.message, "error_without_code");
    let hidden = Error::unexplained();
    error.extensions = Some(hidden.extensions());
    error.message = hidden.message;
}

/// Returns the kind of server failure that this error reports, if any.
pub(crate) fn outage_of(error: &ServerError) -> Option<Outage> {
    code_of(error).and_then(Code::parse)?.outage()
}

/// Maximum length of a message, in characters. Values quoted in a message may be as long as a request.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// Truncates a message that is too long to be useful, before it is logged and sent.
pub(crate) fn shorten(error: &mut ServerError) {
    if let Some((end, _)) = error.message.char_indices().nth(MAX_MESSAGE_CHARS) {
        error.message.truncate(end);
        error.message.push('…');
    }
}

/// Returns the code of this error, if it has one.
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
    fn error_codes_are_unique() {
        let texts: HashSet<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(texts.len(), Code::ALL.len());
    }

    #[test]
    fn a_limit_error_states_the_limit_and_the_actual_value() {
        let error: ServerError = Error::over_limit(Code::LimitDepth, "depth", 12, 40).into();
        let json = serde_json::to_string(&error).unwrap();
        assert_eq!(
            json,
            r#"{"message":"The limit `depth` is 12; this request has 40.","#.to_owned()
                + r#""extensions":{"allowed":12,"code":"LIMIT_DEPTH","had":40,"limit":"depth"}}"#
        );
    }

    #[test]
    fn long_messages_are_truncated() {
        let mut error = ServerError::new("م".repeat(MAX_MESSAGE_CHARS), None);
        shorten(&mut error);
        assert_eq!(error.message.chars().count(), MAX_MESSAGE_CHARS);
        error.message.push_str("more");
        shorten(&mut error);
        assert_eq!(error.message, "م".repeat(MAX_MESSAGE_CHARS) + "…");
    }

    #[test]
    fn the_cause_of_an_internal_error_is_not_disclosed() {
        let cause = std::io::Error::other("password=secret");
        let error: async_graphql::Error = Error::internal(&cause).into();
        assert!(!format!("{error:?}").contains("secret"));
        assert!(error.source.is_none());
    }

    #[test]
    fn an_error_that_was_not_written_for_clients_is_hidden() {
        let mut error = ServerError::new("Data `db::Pool` does not exist.", None);
        complete(&mut error);
        assert_eq!(error.message, "An internal error occurred.");
        assert_eq!(code_of(&error), Some("INTERNAL"));
    }

    #[test]
    fn an_argument_error_is_bad_user_input() {
        let mut error = ServerError::new(r#"Failed to parse "Slug": empty"#, None);
        complete(&mut error);
        assert_eq!(error.message, r#"Failed to parse "Slug": empty"#);
        assert_eq!(code_of(&error), Some("BAD_USER_INPUT"));
    }
}
