//! Permissions of a SQLite database's files. Only their owner may access them, because they hold the
//! addresses of commenters, hashes of tokens, and keys.

use std::io;
use std::path::Path;

use crate::database::database_file::beside;

/// Read and write permission for the owner only.
#[cfg(unix)]
const OWNER_ONLY: u32 = 0o600;

/// Ensures that only the owner can read the database. Creates a missing file with these permissions if
/// `creates` is set, and restricts existing files. SQLite gives its write-ahead log and the index of that
/// log the permissions of the database.
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

/// Creates an empty file, which SQLite treats as a new database. Does nothing if the file exists. The
/// file is private from the start, whatever the umask is.
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
    // Leave anything alone that is not a regular file, such as /dev/null.
    let others = mode & 0o077;
    if !found.is_file() || others == 0 {
        return Ok(());
    }
    let wanted = std::fs::Permissions::from_mode(mode & 0o700);
    match std::fs::set_permissions(file, wanted) {
        Ok(()) => tracing::warn!(
            file = %file.display(),
            was = format_args!("{mode:o}"),
            "database_file_permissions_tightened"
        ),
        // The file may belong to another user, who decides on its permissions.
        Err(error) => tracing::warn!(
            file = %file.display(),
            mode = format_args!("{mode:o}"),
            %error,
            "database_file_permissions_open"
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
