//! Limits on the size and cost of one request.
//!
//! The document and its variables are measured before anything is executed and before any fragments are
//! expanded. A refusal names the limit, the allowed value and the actual value.

use khabar_persistence::ReadSession;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};

/// The limits of a request. Each is the largest value that is still accepted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Maximum size of the document, in bytes.
    ///
    /// Defaults to 64 KiB. The introspection query of GraphiQL has 2 KiB, and a large application's
    /// operation has 10 KiB.
    pub bytes: u64,
    /// Maximum length of a name in the document, in bytes: of an operation, field, alias, fragment or
    /// variable.
    ///
    /// Defaults to 256. Handwritten names are shorter, and an alias is repeated in the response for every
    /// item of its list.
    pub name_bytes: u64,
    /// Maximum number of tokens in the document: names, punctuation and values.
    ///
    /// Defaults to 8,000. The cost of parsing and validation is proportional to the number of tokens: a
    /// few milliseconds for 8,000.
    pub tokens: u64,
    /// Maximum nesting of selection sets, fragment spreads and input values.
    ///
    /// Defaults to 64. This is more than twice `depth`, because fragments nest too, and it keeps the
    /// stack small.
    pub nesting: u64,
    /// Maximum number of fields and fragments that the document selects, with its fragments expanded.
    ///
    /// Defaults to 10,000. This is more than 8,000 tokens can select without repeating fragments, and
    /// far less than a fragment bomb selects.
    pub selections: u64,
    /// Maximum nesting of fields. Fragments do not count.
    ///
    /// Defaults to 20. This allows four hops through connections (`edges`, `node`, the edge's field)
    /// and the fields below them. Introspection needs 14.
    pub depth: u64,
    /// Maximum estimated size of a response. Most fields count as one, multiplied by the lengths of the
    /// lists around them.
    ///
    /// Defaults to 50,000, about 40 ms of the engine's time. Three nested lists of default length fit.
    pub complexity: u64,
    /// Number of items that a list is assumed to have if neither `first` nor `last` is given.
    ///
    /// Defaults to 20, the default page size of the API's lists.
    pub assumed_items: u64,
    /// Maximum number of aliases, with fragments expanded.
    ///
    /// Defaults to 200. Aliases are used to request one field many times, and no page has that many
    /// blocks.
    pub aliases: u64,
    /// Maximum number of directives, with fragments expanded.
    ///
    /// Defaults to 100. This allows `@include` and `@skip` on each optional part of a screen.
    pub directives: u64,
    /// Maximum number of root fields of an operation, with fragments expanded.
    ///
    /// Defaults to 50. Database statements for root fields are not bounded by a parent.
    pub root_fields: u64,
    /// Maximum number of items in a list, or members of an input object, in the document or the
    /// variables.
    ///
    /// Defaults to 500, the number of keys that one statement fetches in a batch.
    pub list_items: u64,
    /// Maximum nesting of lists of fields, types or inputs in introspection.
    ///
    /// Defaults to 2. Tools need one. Each further level multiplies the response by the size of the
    /// schema.
    pub introspection_lists: u64,
    /// Maximum page size: the largest value of `first` and `last`.
    ///
    /// Defaults to 100, as documented in the API. Resolvers refuse larger pages with [`Limits::page`].
    pub page_items: u64,
    /// Maximum processor time for all text diffs of one request, in milliseconds. Texts that are not
    /// yet compared word by word by then are compared block by block.
    ///
    /// Defaults to 500. Typical articles take less than ten, and a diff that takes longer than the
    /// limit is not useful to read.
    pub diff_ms: u64,
    /// Maximum number of rows scanned to count one list. If there are more, `totalCountIsExact` is
    /// false.
    ///
    /// Defaults to 10,000, some milliseconds of database time. Lists without a filter are not scanned,
    /// because their length is known.
    pub counted_rows: u64,
    /// Maximum size of a response as JSON, in bytes, before compression.
    ///
    /// Defaults to 16 MiB. This fits an article of the largest accepted size as text, HTML and blocks,
    /// or some hundred typical articles. Introspection of this schema takes less than 1 MiB.
    pub response_bytes: u64,
    /// Maximum total size of all responses in progress, in bytes, including their values and their text.
    ///
    /// Defaults to 96 MiB: three responses of the largest size, or a thousand typical ones. This bounds
    /// the memory that unknown clients can use by requesting many large responses at once. The first 64
    /// KiB of each response are not counted.
    pub concurrent_response_bytes: u64,
    /// Whether introspection through `__schema` and `__type` is enabled. Defaults to true.
    pub introspection: bool,
    /// Maximum memory for the cache of validated documents, in bytes, and as much again for that of their plans.
    ///
    /// Defaults to 32 MiB, enough for thousands of an application's operations.
    pub cached_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            name_bytes: 256,
            tokens: 8_000,
            nesting: 64,
            selections: 10_000,
            depth: 20,
            complexity: 50_000,
            assumed_items: 20,
            aliases: 200,
            directives: 100,
            root_fields: 50,
            list_items: 500,
            introspection_lists: 2,
            page_items: 100,
            diff_ms: 500,
            counted_rows: ReadSession::COUNTED_ROWS,
            response_bytes: 16 * 1024 * 1024,
            concurrent_response_bytes: 96 * 1024 * 1024,
            introspection: true,
            cached_bytes: 32 * 1024 * 1024,
        }
    }
}

/// A limit that a request is checked against.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    code: Code,
    name: &'static str,
    allowed: u64,
}

impl Bound {
    /// Refuses a value that exceeds the limit.
    pub(crate) fn check(self, had: u64) -> Result<(), Error> {
        if had <= self.allowed {
            return Ok(());
        }
        Err(Error::over_limit(self.code, self.name, self.allowed, had))
    }
}

macro_rules! bounds {
    ($($field:ident: $code:ident,)+) => {
        impl Limits {
            $(pub(crate) const fn $field(&self) -> Bound {
                Bound {
                    code: Code::$code,
                    name: stringify!($field),
                    allowed: self.$field,
                }
            })+
        }
    };
}

bounds! {
    bytes: LimitBytes,
    name_bytes: LimitName,
    tokens: LimitTokens,
    nesting: LimitNesting,
    selections: LimitSelections,
    depth: LimitDepth,
    complexity: LimitComplexity,
    aliases: LimitAliases,
    directives: LimitDirectives,
    root_fields: LimitRootFields,
    list_items: LimitList,
    introspection_lists: LimitIntrospection,
    page_items: LimitPage,
    response_bytes: LimitResponseBytes,
}

impl Limits {
    /// Refuses a page that is larger than `page_items`.
    pub fn page(&self, requested: u64) -> Result<(), Error> {
        self.page_items().check(requested)
    }
}

/// Converts a length to the integer type of the limits.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// Converts a limit to the integer type that a parser takes.
pub(crate) fn length(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
