//! A newsroom moves between databases of any kind, whatever happens on the way.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::TryStreamExt;
use tokio::runtime::Handle;
use tokio::task::block_in_place;

use super::*;
use crate::store::db::{Arg, Kind, args};
use crate::store::tables::TABLES;

on_both![
    everything_moves_to_either_database_and_what_has_changed_since_is_brought_later,
    a_newsroom_that_is_half_moved_does_not_work_and_one_that_works_is_not_moved_over,
    of_two_moves_into_one_database_the_later_wins
];

/// What does not move: claims, and what is derived or the databases' own.
const LEFT: [&str; 2] = ["claimed_until", "claimed_by"];
const OWN: [&str; 7] =
    ["_sqlx_migrations", "moves", "words", "words_config", "words_data", "words_docsize", "words_idx"];

/// Both databases are made by the same migrations, so one can speak for both.
#[tokio::test]
async fn every_table_and_every_column_is_known_to_the_move() {
    let on = On::sqlite();
    let store = on.store().await;
    let mut tx = store.db.read().await.expect("a transaction");
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'";
    let tables: Vec<(String,)> = tx.all(tables, Vec::new()).await.expect("the tables");
    let tables: BTreeSet<&str> =
        tables.iter().map(|(name,)| name.as_str()).filter(|name| !OWN.contains(name)).collect();
    assert_eq!(tables, TABLES.iter().map(|table| table.name).collect(), "the tables of store/tables.rs");
    for table in &TABLES {
        let columns = "SELECT name, type, pk FROM pragma_table_info($1) ORDER BY cid";
        let mut columns: Vec<(String, String, i64)> = tx.all(columns, args![table.name]).await.expect("columns");
        columns.retain(|(name, ..)| !LEFT.contains(&name.as_str()));
        let known = table.columns.iter().enumerate().map(|(at, (name, kind))| {
            let kind = match kind {
                Kind::Int => "BIGINT",
                Kind::Text => "TEXT",
                Kind::Bytes => "BYTEA",
            };
            let key = if at < table.key { i64::try_from(at).expect("a few") + 1 } else { 0 };
            ((*name).to_owned(), kind.to_owned(), key)
        });
        assert_eq!(columns, known.collect::<Vec<_>>(), "the columns of {} in store/moves.rs", table.name);
    }
}

/// The databases that a test moves to.
fn targets() -> Vec<On> {
    [Some(On::sqlite()), On::postgres()].into_iter().flatten().collect()
}

async fn moved(from: &On, to: &On) -> Result<Vec<Moved>, MoveError> {
    move_newsroom(&from.url(), &to.url(), at(100), &|_| {}).await
}

/// Everything that moves, in an order that both databases share.
async fn everything(on: &On) -> Vec<BTreeSet<String>> {
    let store = on.store().await;
    let mut tx = store.db.read().await.expect("a transaction");
    let mut everything = Vec::new();
    for table in &TABLES {
        let kinds = table.kinds();
        let rows = tx.rows(table.all(), Vec::new(), &kinds).expect("a query");
        let rows: Vec<Vec<Arg>> = rows.try_collect().await.expect("its rows");
        everything.push(rows.iter().map(|row| format!("{row:?}")).collect());
    }
    everything
}

/// More rows of every table than are handled at once, with a value in every column.
async fn fill(store: &Store) {
    let mut tx = store.db.write().await.expect("a transaction");
    for table in &TABLES {
        let value = |number: i64, at: usize, kind: Kind| match kind {
            // As a time, that is far in the future.
            Kind::Int => Arg::from(4_000_000_000_000 + number * 100 + i64::try_from(at).expect("a few")),
            Kind::Text => Arg::from(format!("{} {at} {number} بارش", table.name)),
            Kind::Bytes => Arg::from(&[0, 1, 255, u8::try_from(number % 256).expect("a byte")][..]),
        };
        let row = |number| table.columns.iter().enumerate().map(|(at, (_, kind))| value(number, at, *kind)).collect();
        let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
        let head = format!("INSERT INTO {} ({})", table.name, names.join(", "));
        tx.insert(&head, (1..=600).map(row).collect(), "").await.expect("inserted");
    }
    tx.commit().await.expect("committed");
}

async fn run(store: &Store, sql: &str) {
    let mut tx = store.db.write().await.expect("a transaction");
    assert!(tx.run(sql, Vec::new()).await.expect("done") > 0, "{sql}");
    tx.commit().await.expect("committed");
}

async fn everything_moves_to_either_database_and_what_has_changed_since_is_brought_later(on: On) {
    let targets = targets();
    let desk = Desk::new(on).await;
    fill(&desk.store).await;
    desk.save(10, vec![draft("7", "Rain"), draft("8", "Cotton"), draft("9", "Sugar")], &[]).await;
    desk.save(20, vec![draft("7", "Heavy rain")], &["9"]).await;
    desk.publish("one", at(30)).await;
    for callback in ["https://one.example/", "https://two.example/", "https://three.example/"] {
        desk.subscribe(callback, at(40)).await;
    }
    desk.claim("website", at(50)).await;
    let before = everything(&desk.on).await;
    for target in &targets {
        let told = moved(&desk.on, target).await.expect("moved");
        let whole = |moved: &Moved| moved.rows >= 600 && moved.written == moved.rows && moved.removed == 0;
        assert!(told.iter().all(whole), "{told:?}");
        assert_eq!(everything(target).await, before);
        assert_eq!(everything(&desk.on).await, before, "the source is as it was");
        let again = moved(&desk.on, target).await.expect("moved");
        assert!(again.iter().all(|moved| moved.written == 0 && moved.removed == 0), "{again:?}");
    }

    // Of two callbacks each takes the other's place, one goes and comes back with another number, and articles change.
    let rename = |from: &str, to: &str| format!("UPDATE subscriptions SET callback = '{to}' WHERE callback = '{from}'");
    for (from, to) in
        [("https://one.example/", "x"), ("https://two.example/", "https://one.example/"), ("x", "https://two.example/")]
    {
        run(&desk.store, &rename(from, to)).await;
    }
    desk.store.end_callback("https://three.example/").await.expect("ended");
    desk.subscribe("https://three.example/", at(60)).await;
    desk.save(70, vec![draft("8", "Cheap cotton"), draft("9", "Sugar"), draft("10", "Wheat")], &["7"]).await;
    run(&desk.store, "DELETE FROM terms WHERE article % 7 = 0").await;
    let after = everything(&desk.on).await;
    for target in &targets {
        moved(&desk.on, target).await.expect("moved");
        assert_eq!(everything(target).await, after);
        let store = target.store().await;
        let search = |words: &str| Query { search: Some(words.to_owned()), limit: 10, ..Query::default() };
        for words in ["cheap cotton", "sugar", "wheat", "rain"] {
            let [here, there] = [&store, &desk.store].map(|store| async { store.select(&search(words)).await });
            assert_eq!(here.await.expect("selected"), there.await.expect("selected"), "{words}");
        }
        let claim = store.claim("website", at(50), at(60), "me").await.expect("asked");
        assert_eq!(claim.expect("claims stay behind").cursor.as_deref(), Some("c"));
    }
}

async fn a_newsroom_that_is_half_moved_does_not_work_and_one_that_works_is_not_moved_over(to: On) {
    let from = On::sqlite();
    assert!(matches!(moved(&from, &to).await, Err(MoveError::Nothing(_))));
    let desk = Desk::new(from).await;
    desk.save(10, vec![draft("7", "Rain")], &[]).await;
    let refused = AtomicBool::new(false);
    let watch = |moving: Moving| {
        if moving.table == "terms" {
            block_in_place(|| {
                Handle::current().block_on(async {
                    let store = to.store().await;
                    let half = store.register(&[("website", "1")], at(20)).await;
                    assert!(matches!(half, Err(StoreError::HalfMoved)), "{half:?}");
                    assert!(matches!(moved(&to, &On::sqlite()).await, Err(MoveError::Half(_))));
                });
            });
            refused.store(true, Ordering::Relaxed);
        }
    };
    move_newsroom(&desk.on.url(), &to.url(), at(100), &watch).await.expect("moved");
    assert!(refused.load(Ordering::Relaxed));

    let other = Desk::new(On::sqlite()).await;
    other.save(10, vec![draft("7", "Rain")], &[]).await;
    assert!(matches!(moved(&other.on, &to).await, Err(MoveError::Occupied { .. })), "another newsroom's");
    moved(&desk.on, &to).await.expect("nobody has worked with it yet");
    let store = to.store().await;
    store.register(&[("website", "1")], at(20)).await.expect("it works now");
    let before = everything(&to).await;
    assert!(matches!(moved(&desk.on, &to).await, Err(MoveError::Occupied { .. })));
    assert!(matches!(moved(&to, &desk.on).await, Err(MoveError::Occupied { .. })));
    assert_eq!(everything(&to).await, before);
}

async fn of_two_moves_into_one_database_the_later_wins(to: On) {
    let desk = Desk::new(On::sqlite()).await;
    desk.save(10, vec![draft("7", "Rain")], &[]).await;
    let watch = |moving: Moving| {
        if moving.doing == "moving" && moving.table == "articles" {
            block_in_place(|| Handle::current().block_on(moved(&desk.on, &to))).expect("moved");
        }
    };
    let early = move_newsroom(&desk.on.url(), &to.url(), at(100), &watch).await;
    assert!(matches!(early, Err(MoveError::Overtaken(_))), "{early:?}");
    assert_eq!(everything(&to).await, everything(&desk.on).await);
}
