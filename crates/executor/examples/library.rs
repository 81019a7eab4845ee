//! A complete host in one file: books and their authors, without a schema or a database.
//!
//! The operation is compiled by hand here. A real host compiles what its parser and its validation
//! return. Run with `cargo run --package khabar-executor --example library`.

#![expect(clippy::print_stdout, reason = "the output is what the example shows")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use khabar_executor::{
    BatchKey, Batches, Context, Field, Loaded, Location, Objects, Pick, Resolver, Selection,
    SelectionSet, execute, json,
};

struct Book {
    title: &'static str,
    author: usize,
}

struct Author {
    name: &'static str,
}

const BOOKS: [Book; 3] = [
    Book {
        title: "The Prophet",
        author: 0,
    },
    Book {
        title: "Cities of Salt",
        author: 1,
    },
    Book {
        title: "Broken Wings",
        author: 0,
    },
];

const AUTHORS: [&str; 2] = ["Kahlil Gibran", "Abdelrahman Munif"];

/// The context of a request.
#[derive(Default)]
struct Library {
    batches: Batches<Self>,
    statements: AtomicUsize,
}

impl Context for Library {
    type Error = String;

    fn batches(&self) -> &Batches<Self> {
        &self.batches
    }

    fn charge(&self, written: usize, _: usize) -> Result<(), String> {
        if written > 1_000_000 {
            return Err("The response is too large.".to_owned());
        }
        Ok(())
    }

    fn release(&self, _: usize) {}
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct AuthorById(usize);

impl BatchKey<Library> for AuthorById {
    type Value = Author;

    fn cached(_: &Library, keys: &[Self]) -> Vec<Option<Loaded<Author, String>>> {
        keys.iter().map(|_| None).collect()
    }

    async fn load(library: &Library, keys: &[Self]) -> Vec<Loaded<Author, String>> {
        // One statement: SELECT … FROM author WHERE id IN (…)
        library.statements.fetch_add(1, Relaxed);
        let author = |key: &Self| AUTHORS.get(key.0).map(|name| Arc::new(Author { name }));
        keys.iter().map(|key| Ok(author(key))).collect()
    }
}

struct Query {
    books: Vec<Book>,
}

/// `{ books { title author { name } } }`
fn operation() -> SelectionSet<Library, Query> {
    let here = Location::default();
    let name = Resolver::value(|author: &Author, _: &Library, text| {
        json::string(author.name, text);
        Ok(())
    });
    let author = Objects::keyed(
        |book: &Book, _: &Library| Ok(Some(AuthorById(book.author))),
        Pick::itself(),
        Selection::Object(SelectionSet::new(vec![Field::new(
            "name", here, false, name,
        )])),
    );
    let title = Resolver::value(|book: &Book, _: &Library, text| {
        json::string(book.title, text);
        Ok(())
    });
    let books = Objects::part(
        |query: &Query| &query.books,
        Pick::items(),
        Selection::Object(SelectionSet::new(vec![
            Field::new("title", here, false, title),
            Field::new("author", here, true, Resolver::objects(author)),
        ])),
    );
    SelectionSet::new(vec![Field::new(
        "books",
        here,
        false,
        Resolver::objects(books),
    )])
}

fn main() {
    let library = Library::default();
    let query = Query {
        books: BOOKS.into(),
    };
    let operation = operation();
    let response = execute(&library, &operation, &query, Vec::new());
    match futures::executor::block_on(response) {
        Ok(response) => println!("{}", String::from_utf8_lossy(&response.data)),
        Err(error) => println!("{error}"),
    }
    println!("{} statement", library.statements.load(Relaxed));
}
