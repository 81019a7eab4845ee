use sea_orm::DbBackend;

use super::*;

fn statement(text: &str) -> Statement {
    Statement::from_string(DbBackend::Sqlite, text)
}

const BOUNDS: Bounds = Bounds {
    size: 1,
    connect: Duration::from_secs(5),
    acquire: Duration::from_secs(5),
    statement: Some(Duration::from_secs(5)),
    read: None,
};

fn pool_in(folder: &tempfile::TempDir, bounds: Bounds) -> Pool {
    let options = SqliteConnectOptions::new().filename(folder.path().join("a.db"));
    Pool::sqlite(options.create_if_missing(true), bounds, None).unwrap()
}

/// A statement that runs for many seconds and returns one row.
const LONG: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 1000000000) \
                    SELECT count(*) AS round FROM n";

#[tokio::test]
async fn who_gives_up_or_is_refused_leaves_the_others_their_answers() {
    let folder = tempfile::tempdir().unwrap();
    let pool = pool_in(&folder, BOUNDS);
    for round in 0..3 {
        let given_up = pool.rows(statement(LONG));
        let given_up = tokio::time::timeout(Duration::from_millis(20), given_up).await;
        assert!(given_up.is_err(), "it was not long");
        assert!(pool.rows(statement("SELECT nothing")).await.is_err());
        let text = format!("SELECT {round} AS round");
        let rows = pool.rows(statement(&text)).await.unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].try_get::<i64>("", "round").unwrap(), round);
    }
    pool.close().await;
    assert!(pool.ping().await.is_err());
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_ended() {
    let folder = tempfile::tempdir().unwrap();
    let statement_timeout = Some(Duration::from_millis(50));
    let bounds = Bounds {
        statement: statement_timeout,
        ..BOUNDS
    };
    let pool = pool_in(&folder, bounds);
    let error = pool.rows(statement(LONG)).await.unwrap_err();
    assert!(crate::error::is_unavailable(&error), "{error}");
    let rows = pool.rows(statement("SELECT 1 AS round")).await.unwrap();
    assert_eq!(rows.len(), 1);
}

#[tokio::test]
async fn who_waits_for_a_connection_in_vain_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds {
        acquire: Duration::from_millis(50),
        ..BOUNDS
    };
    let pool = pool_in(&folder, bounds);
    let Pool::Sqlite(inner) = &pool else {
        panic!("it is a pool of SQLite");
    };
    let lent = Checkout::from(inner).await.unwrap();
    let error = pool.ping().await.unwrap_err();
    assert!(crate::error::is_unavailable(&error), "{error}");
    drop(lent);
    pool.ping().await.unwrap();
}

#[tokio::test]
async fn a_statement_that_nobody_waits_for_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (pool, other) = (pool_in(&folder, BOUNDS), pool_in(&folder, BOUNDS));
    pool.rows(statement("CREATE TABLE a AS SELECT 1 AS b"))
        .await
        .unwrap();
    let long = LONG.replace("FROM n", "FROM n, a");
    let given_up = pool.rows(statement(&long));
    let given_up = tokio::time::timeout(Duration::from_millis(20), given_up).await;
    assert!(given_up.is_err(), "it was not long");
    // Readers lock the file against writers, which wait for five seconds.
    let written = other.rows(statement("INSERT INTO a VALUES (2)")).await;
    written.unwrap();
}
