//! The schema: what is published, and what holds for every field and path: the number of SQL statements, and
//! the visibility of content.

mod failing_statements;
mod n_plus_one;
mod published;
mod query_counts;
mod random_documents;
mod visibility;
