//! `khabar export` and `khabar restore`.

use std::process::Command;

use crate::{Serving, khabar, run};

#[test]
fn a_newsroom_is_exported_and_restored() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Serving::start(khabar(&folder, "demo --listen 127.0.0.1:0 --data here"), 3);
    drop(demo);
    let (ok, output, error) = run(
        &folder,
        "export first.ndjson --database sqlite:here/demo.db",
    );
    assert!(ok && output.contains("  article\n"), "{output}{error}");
    run(&folder, "migrate up --database sqlite:copy.db");
    let (ok, restored, error) = run(&folder, "restore first.ndjson --database sqlite:copy.db");
    assert!(ok, "{error}");
    assert_eq!(restored, output);
    let (ok, streamed, error) = run(&folder, "export - --database sqlite:copy.db");
    assert!(ok, "{error}");
    let first = std::fs::read_to_string(folder.path().join("first.ndjson")).unwrap();
    assert!(streamed == first, "the copy is another newsroom");

    for (line, problem) in [
        (
            "restore first.ndjson --database sqlite:copy.db",
            "is not empty",
        ),
        (
            "restore none.ndjson --database sqlite:copy.db",
            "none.ndjson",
        ),
        ("export no/where --database sqlite:copy.db", "no/where"),
    ] {
        let (ok, _, error) = run(&folder, line);
        assert!(!ok && error.contains(problem), "{line}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn export_writes_to_pipes_and_devices_without_replacing_them() {
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};

    let folder = tempfile::tempdir().unwrap();
    run(&folder, "migrate up --database sqlite:a.db");
    let export = |to: &str| run(&folder, &format!("export {to} --database sqlite:a.db"));
    let (ok, whole, error) = export("-");
    assert!(ok && whole.contains("khabar"), "{error}");

    // What is redirected into a pipe, and a pipe with a name.
    let (ok, streamed, error) = export("/dev/stdout");
    assert!(ok && streamed == whole, "{error}");
    let device = std::fs::symlink_metadata("/dev/stdout").unwrap();
    assert!(device.file_type().is_symlink());
    let pipe = folder.path().join("pipe");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    let reading = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::read_to_string(pipe).unwrap()
    });
    let (ok, output, error) = export("pipe");
    assert!(ok && output.is_empty(), "{output}{error}");
    assert_eq!(reading.join().unwrap(), whole);
    let still = std::fs::symlink_metadata(&pipe).unwrap();
    assert!(still.file_type().is_fifo(), "the pipe was replaced");

    let (ok, _, error) = export("/dev/full");
    assert!(!ok && error.contains("/dev/full"), "{error}");

    // A file that the shell has open already is written, not replaced.
    let redirected = std::fs::File::create(folder.path().join("redirected")).unwrap();
    let mut command = khabar(&folder, "export /dev/stdout --database sqlite:a.db");
    assert!(command.stdout(redirected).status().unwrap().success());
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(read("redirected"), whole);

    // A new file is its owner's alone; one that is replaced keeps who may read it, and its links.
    let mode = |name: &str| {
        let found = std::fs::metadata(folder.path().join(name)).unwrap();
        found.permissions().mode() & 0o777
    };
    assert!(export("file").0);
    assert_eq!((read("file") == whole, mode("file")), (true, 0o600));
    let readable = std::fs::Permissions::from_mode(0o640);
    std::fs::write(folder.path().join("old"), "old").unwrap();
    std::fs::set_permissions(folder.path().join("old"), readable).unwrap();
    symlink("old", folder.path().join("link")).unwrap();
    assert!(export("link").0);
    assert_eq!((read("old") == whole, mode("old")), (true, 0o640));
    let link = std::fs::symlink_metadata(folder.path().join("link")).unwrap();
    assert!(link.file_type().is_symlink(), "the link was replaced");
}
