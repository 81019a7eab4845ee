//! Lists the migrations: every SQL file of `src/migration`, by name, split into the statements that apply it
//! and those that revert it.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

const FOLDER: &str = "src/migration";
const UP: &str = "-- migrate:up\n";
const DOWN: &str = "\n-- migrate:down\n";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join(FOLDER);
    let mut files = Vec::new();
    for file in fs::read_dir(&folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            files.push(path);
        }
    }
    files.sort_unstable();
    let mut list = "&[".to_owned();
    for path in files {
        // A checkout may have changed the ends of the lines.
        let sql = fs::read_to_string(&path)?.replace("\r\n", "\n");
        let halves = sql.strip_prefix(UP).and_then(|sql| sql.split_once(DOWN));
        // A migration without statements would be recorded as applied.
        let halves = halves.filter(|(up, _)| up.contains(';'));
        let (up, down) = halves.ok_or_else(|| {
            let file = path.display();
            format!("{file} needs statements after `-- migrate:up`, and `-- migrate:down`")
        })?;
        let name = path.file_stem().and_then(|name| name.to_str());
        let name = name.ok_or("a migration's name is UTF-8")?;
        write!(
            list,
            "Script {{ name: {name:?}, up: {up:?}, down: {down:?} }},"
        )?;
    }
    list.push(']');
    let out = Path::new(&env::var("OUT_DIR")?).join("migrations.rs");
    Ok(fs::write(out, list)?)
}
