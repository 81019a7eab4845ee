//! How much one request may ask for.
//!
//! Everything here is measured on the document and its variables before anything is executed, and
//! before anything writes fragments out. A refusal names the limit, what it allows, and what the
//! request had.

use khabar_persistence::Reader;
use serde::{Deserialize, Serialize};

use crate::error::{Code, Error};

/// The limits of a request. Each is the largest value that is still answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of the document.
    ///
    /// 64 KiB: the introspection query of GraphiQL has 2, a large application's operation 10.
    pub bytes: u64,
    /// Bytes of one name in the document: of an operation, a field, an alias, a fragment, a variable.
    ///
    /// 256: nobody types as many, and an alias stands in the answer as often as its list is long.
    pub name_bytes: u64,
    /// Tokens of the document: names, punctuation and values.
    ///
    /// 8,000: parsing and validating cost in proportion to them, a few milliseconds for so many.
    pub tokens: u64,
    /// Selection sets, fragment spreads and input values inside each other.
    ///
    /// 64: more than twice `depth`, since fragments nest too; it keeps the stack small.
    pub nesting: u64,
    /// Fields and fragments that the document selects when its fragments are written out.
    ///
    /// 10,000: above what 8,000 tokens say without repeating fragments, far below a bomb.
    pub selections: u64,
    /// Fields inside each other; fragments do not count.
    ///
    /// 20: four hops through connections (`edges`, `node`, the edge's field) and what stands there;
    /// introspection needs 14.
    pub depth: u64,
    /// What an answer could hold: each field counts one, as often as the lists around it repeat it.
    ///
    /// 50,000: about 40 ms of the engine's time. Three nested lists of default length fit.
    pub complexity: u64,
    /// Items that a list is taken to have when no `first` or `last` says it.
    ///
    /// 20: what the API's lists have by default.
    pub assumed_items: u64,
    /// Aliases, fragments written out.
    ///
    /// 200: an alias is how one field is asked for many times, and no page has so many blocks.
    pub aliases: u64,
    /// Directives, fragments written out.
    ///
    /// 100: `@include` and `@skip` for each optional part of a screen.
    pub directives: u64,
    /// Fields at the root of an operation, fragments written out.
    ///
    /// 50: the roots are where statements begin that no parent bounds.
    pub root_fields: u64,
    /// Items of one list, or members of one input object, in the document or the variables.
    ///
    /// 500: as many keys as one statement fetches in a batch.
    pub list_items: u64,
    /// Lists of fields, types or inputs inside each other in introspection.
    ///
    /// 2: one is what tools need; each further one multiplies by the size of the schema.
    pub introspection_lists: u64,
    /// Items of one page: the most that `first` and `last` may ask for.
    ///
    /// 100: the API's promise; resolvers refuse more by [`Limits::page`].
    pub page_items: u64,
    /// Milliseconds of a processor for all differences of texts that one request asks for; what is
    /// not compared word by word until then is compared block by block.
    ///
    /// 500: usual articles take less than ten, and nobody reads the difference of two texts that
    /// take longer.
    pub diff_ms: u64,
    /// Rows that are looked at to count one list; where there are more, `totalCountIsExact` is false.
    ///
    /// 10,000: some milliseconds of the database's time. Lists without a filter are not counted but
    /// know their length.
    pub counted_rows: u64,
    /// Bytes of an answer, as JSON, before it is compressed.
    ///
    /// 16 MiB: an article of the largest size that is taken in, as text, as HTML and as blocks, or
    /// some hundred usual ones; introspection of this schema has less than one.
    pub answer_bytes: u64,
    /// Bytes of all answers that are made at the same time, their values and their text.
    ///
    /// 96 MiB: three of the largest size, or a thousand usual ones; strangers who ask for many large ones
    /// at once take no more memory than that. An answer's first 64 KiB are not counted.
    pub concurrent_answer_bytes: u64,
    /// Whether the schema may be asked for by `__schema` and `__type`.
    pub introspection: bool,
    /// Bytes of memory for documents that were already found valid.
    ///
    /// 32 MiB: thousands of an application's operations.
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
            counted_rows: Reader::COUNTED_ROWS,
            answer_bytes: 16 * 1024 * 1024,
            concurrent_answer_bytes: 96 * 1024 * 1024,
            introspection: true,
            cached_bytes: 32 * 1024 * 1024,
        }
    }
}

/// One limit held against one request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    code: Code,
    name: &'static str,
    allowed: u64,
}

impl Bound {
    /// Refuses what has more than the limit allows.
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
    answer_bytes: LimitAnswerBytes,
}

impl Limits {
    /// Refuses a page that is larger than `page_items`.
    pub fn page(&self, asked: u64) -> Result<(), Error> {
        self.page_items().check(asked)
    }
}

/// A length as limits count it.
pub(crate) fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

/// A limit as a parser takes it.
pub(crate) fn length(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
