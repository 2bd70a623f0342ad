//! `courant move`

use indicatif::{ProgressBar, ProgressStyle};

use super::{Failed, counted, table, work};
use crate::app::now;
use crate::store::{MoveError, Moved, Moving, Store, move_newsroom};

const STEPS: &str = "\
In three steps, with a short standstill:
  1. courant move --from sqlite:courant.db --to postgres://user@host/database
     while the service runs. This takes its time.
  2. Stop the service, and run the same command again: it brings what has
     changed since the first run. Without the first run, this does it all.
  3. Start the service with --database and the address that --to had.

What was interrupted goes on when it is run again. From the third step on,
the other database is the newsroom; moving into it is refused then.";

/// Move a newsroom into another database: from SQLite to PostgreSQL, or back
///
/// Everything comes along: articles with their ids and revisions, how far each source was read, documents, subscriptions and
/// what each was given. Readers and subscribers notice nothing. The database that the newsroom is in is only read (and
/// brought up to this version first, if an older one made it); the newsroom's files, --feeds, --database and --public-url play no part.
///
/// At the end all is read back and compared, row by row.
#[derive(clap::Args)]
#[command(after_help = STEPS)]
pub(super) struct Move {
    /// The database that the newsroom is in: sqlite:FILE or postgres://…
    #[arg(long, value_name = "URL")]
    from: String,
    /// The database that it moves to: an empty one, or what an earlier run has made of one
    #[arg(long, value_name = "URL")]
    to: String,
}

impl Move {
    pub(super) async fn run(self) -> Result<(), Failed> {
        if !Store::is_there(&self.from) {
            return Err(Failed::Usage(format!("--from {}: there is no such file", self.from)));
        }
        if self.from == self.to {
            return Err(Failed::Usage("--from and --to are the same database".to_owned()));
        }
        let bar = ProgressBar::no_length();
        if let Ok(style) = ProgressStyle::with_template("{msg:24} {wide_bar} {percent}%, {eta} left") {
            bar.set_style(style);
        }
        let watch = |moving: Moving| {
            bar.set_message(format!("{} {}", moving.doing, moving.table));
            bar.set_length(moving.expected.max(moving.done).unsigned_abs());
            bar.set_position(moving.done.unsigned_abs());
        };
        let moved = move_newsroom(&self.from, &self.to, now(), &watch).await;
        bar.finish_and_clear();
        tell(&moved?);
        Ok(())
    }
}

impl From<MoveError> for Failed {
    fn from(error: MoveError) -> Self {
        match error {
            MoveError::Store(error) => error.into(),
            other => work(other),
        }
    }
}

fn tell(moved: &[Moved]) {
    let mut table = table(["table", "rows", "written now", "removed now"]);
    for Moved { table: name, rows, written, removed } in moved {
        table.add_row([(*name).to_owned(), rows.to_string(), written.to_string(), removed.to_string()]);
    }
    let rows = moved.iter().map(|moved| moved.rows).sum::<i64>();
    say!("{table}\n{} read back, each the same in both databases.", counted(rows, "row"));
    say!("If the service is still running: stop it, and run this again to bring what has changed since. Only then");
    say!(
        "start it with --database and the address that --to had: from that moment on, nothing is moved there any more."
    );
}
