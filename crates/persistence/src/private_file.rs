//! A SQLite database's files, which are their owner's alone: they hold comments' addresses, tokens'
//! hashes and keys.

use std::io;
use std::path::Path;

use crate::database_file::beside;

/// Read and written by the owner.
#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;

/// Sees to it that nobody else reads the database: a new file is made so, and one that is there is made
/// so. SQLite gives its write-ahead log and the index to that the permissions of the database.
pub(crate) fn prepare(path: &str, creates: bool) -> io::Result<()> {
    let path = Path::new(path);
    if creates {
        make(path)?;
    }
    for file in [path.to_owned(), beside(path, "-wal"), beside(path, "-shm")] {
        tighten(&file)?;
    }
    Ok(())
}

/// Makes an empty file, which SQLite takes for a new database; whatever the umask is, and never for a
/// moment with other permissions.
fn make(path: &Path) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, OWNER_ONLY);
    match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made.map(drop),
    }
}

#[cfg(unix)]
fn tighten(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    let found = match std::fs::metadata(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    let mode = found.permissions().mode() & 0o7777;
    // What is no file, such as /dev/null, is none of ours.
    let others = mode & 0o077;
    if !found.is_file() || others == 0 {
        return Ok(());
    }
    let wanted = std::fs::Permissions::from_mode(mode & 0o700);
    match std::fs::set_permissions(file, wanted) {
        Ok(()) => tracing::warn!(
            file = %file.display(),
            was = format_args!("{mode:o}"),
            "others could read a file of the database; now only its owner can"
        ),
        // Another user's file that this one may write: it is theirs to say.
        Err(error) => tracing::warn!(
            file = %file.display(),
            mode = format_args!("{mode:o}"),
            %error,
            "others can read a file of the database"
        ),
    }
    Ok(())
}

#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    reason = "it is the other systems' signature"
)]
fn tighten(_: &Path) -> io::Result<()> {
    Ok(())
}
