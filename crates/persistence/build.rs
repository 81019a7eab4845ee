//! Lists the migrations: every SQL file of `src/migration`, by name.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

const FOLDER: &str = "src/migration";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={FOLDER}");
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join(FOLDER);
    let mut names = Vec::new();
    for file in fs::read_dir(&folder)? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            let name = path.file_stem().and_then(|name| name.to_str());
            names.push(name.ok_or("a migration's name is UTF-8")?.to_owned());
        }
    }
    names.sort_unstable();
    let mut list = "&[".to_owned();
    for name in names {
        let path = folder.join(format!("{name}.sql"));
        let path = path.to_str().ok_or("the path of the migrations is UTF-8")?;
        write!(list, "Script::new({name:?}, include_str!({path:?})),")?;
    }
    list.push(']');
    let out = Path::new(&env::var("OUT_DIR")?).join("migrations.rs");
    Ok(fs::write(out, list)?)
}
