//! The order of rooms (ARCHITECTURE.md), read from the code itself: every path to the crate's root, whether it begins with
//! `crate::` or climbs there by `super::`, leads to a room that stands below.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// From top to bottom.
const ROOMS: [&str; 15] = [
    "cli",
    "web",
    "worker",
    "app",
    "config",
    "websub",
    "document",
    "validate",
    "format",
    "feed",
    "store",
    "normalize",
    "source",
    "fetch",
    "article",
];

/// These never see each other, whatever their order: a source brings items, normalising makes articles of them, the store
/// keeps those, and only the worker knows all three. So a new kind of source, or a new database, is a matter of one room.
const STRANGERS: [&str; 3] = ["source", "normalize", "store"];

/// Imports that break a rule all the same: the file, the room that it imports, and why. None so far.
const EXCEPTIONS: [(&str, &str, &str); 0] = [];

/// A file of a room, without its tests and comments.
struct Page {
    /// Below `src`, with slashes.
    name: String,
    room: String,
    /// How many modules it is below the crate's root.
    depth: usize,
    code: String,
}

fn pages() -> Vec<Page> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    gather(&root, &mut files);
    let pages: Vec<Page> = files
        .iter()
        .filter_map(|path| {
            let name = path.strip_prefix(&root).expect("below src").to_str().expect("UTF-8").to_owned();
            let modules: Vec<&str> = name.strip_suffix(".rs")?.split('/').filter(|part| *part != "mod").collect();
            if modules.contains(&"tests") || matches!(modules[..], ["lib" | "main"]) {
                return None;
            }
            let (room, depth) = (modules[0].to_owned(), modules.len());
            Some(Page { room, depth, code: code(&fs::read_to_string(path).expect("a file")), name })
        })
        .collect();
    assert!(pages.len() > ROOMS.len(), "the code was not found");
    pages
}

fn gather(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            gather(&path, files);
        } else {
            files.push(path);
        }
    }
    files.sort();
}

/// The text without comments and without modules of tests, which may look where they like.
fn code(text: &str) -> String {
    let mut kept = String::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let tests = line == "#[cfg(test)]" && lines.peek().is_some_and(|next| next.starts_with("mod "));
        if tests && lines.next().is_some_and(|head| head.ends_with('{')) {
            // Its end stands at the margin, because the code is formatted.
            lines.by_ref().find(|line| *line == "}");
        } else if !tests && !line.trim_start().starts_with("//") {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// The first names after each `prefix`, those of a group in braces too.
fn names_after(prefix: &str, code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let before = code[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | ':')) {
            continue;
        }
        let after = &code[at + prefix.len()..];
        let Some(group) = after.strip_prefix('{') else {
            names.extend(word(after));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (at, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                '}' if depth > 0 => depth -= 1,
                ',' | '}' if depth == 0 => {
                    names.extend(word(&group[start..at]));
                    start = at + 1;
                    if c == '}' {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
    names
}

fn word(text: &str) -> Option<String> {
    let word: String = text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty() && word != "super").then_some(word)
}

/// The rooms that a page imports from.
fn imports(page: &Page) -> BTreeSet<String> {
    let climb = "super::".repeat(page.depth);
    let mut rooms = names_after("crate::", &page.code);
    rooms.extend(names_after(&climb, &page.code));
    rooms.remove(&page.room);
    rooms
}

fn place(room: &str) -> Option<usize> {
    ROOMS.iter().position(|known| *known == room)
}

/// Why a page may not import from a room.
fn broken(page: &Page, import: &str) -> Option<String> {
    if EXCEPTIONS.iter().any(|(file, room, _)| *file == page.name && *room == import) {
        return None;
    }
    let told = |why: &str| Some(format!("src/{} imports crate::{import}, but {why}", page.name));
    let (Some(own), Some(other)) = (place(&page.room), place(import)) else {
        return told("one of the two rooms has no place in the order of rooms (tests/suite/rooms.rs)");
    };
    if STRANGERS.contains(&page.room.as_str()) && STRANGERS.contains(&import) {
        return told("source, normalize and store never see each other: only the worker brings them together");
    }
    let (from, to) = (&page.room, import);
    (other < own).then(|| {
        format!(
            "src/{} imports crate::{import}, but {from} stands below {to}: a room that knows only what is below it can be \
             understood, tested and replaced without what is above",
            page.name
        )
    })
}

#[test]
fn a_room_imports_only_rooms_below_it() {
    let pages = pages();
    let mistakes: Vec<String> =
        pages.iter().flat_map(|page| imports(page).into_iter().filter_map(|import| broken(page, &import))).collect();
    assert!(mistakes.is_empty(), "\n{}\n", mistakes.join("\n"));
}

#[test]
fn every_room_has_its_place_and_lib_lists_rooms_and_nothing_else() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("lib.rs");
    for line in code(&lib).lines().filter(|line| !line.is_empty()) {
        let room = line.strip_prefix("pub mod ").and_then(|rest| rest.strip_suffix(';'));
        let room = room.unwrap_or_else(|| {
            panic!(
                "src/lib.rs says {line:?}, but it only lists rooms: a thing has one name, that of the room it lives in"
            )
        });
        assert!(place(room).is_some(), "the room {room} has no place in the order of rooms (tests/suite/rooms.rs)");
    }
    for page in pages() {
        assert!(place(&page.room).is_some(), "src/{} belongs to no room", page.name);
    }
}

#[test]
fn no_handler_of_the_service_imports_another() {
    let pages: Vec<Page> = pages().into_iter().filter(|page| page.room == "web").collect();
    let routes = &pages.iter().find(|page| page.name == "web/mod.rs").expect("the routes").code;
    let handlers: BTreeSet<String> =
        routes.match_indices(".to(").filter_map(|(at, to)| word(&routes[at + to.len()..])).collect();
    assert!(handlers.contains("documents") && handlers.contains("health"), "no handlers found: {handlers:?}");
    for page in pages.iter().filter(|page| page.depth > 1) {
        let mut known = names_after("super::", &page.code).into_iter().chain(names_after("crate::web::", &page.code));
        let import = known.find(|import| handlers.contains(import));
        assert!(
            import.is_none(),
            "src/{} imports the handler web::{}, but handlers stand side by side: what two of them need belongs into a \
             module of its own, as answer and negotiation are",
            page.name,
            import.unwrap_or_default()
        );
    }
}

#[test]
fn the_reader_of_rooms_finds_what_it_must_and_forgives_what_it_may() {
    let text = "use crate::{app::{App, now}, store};\nuse crate::web::health;\n// use crate::cli;\nlet x = super::super::fetch::get();\n\
                $crate::validate::x; my_crate::config::y;\n#[cfg(test)]\nmod tests {\n    use crate::worker;\n}\nuse crate::feed;\n";
    let page = |room: &str| Page { name: format!("{room}/x.rs"), room: room.to_owned(), depth: 2, code: code(text) };
    let found: Vec<String> = imports(&page("app")).into_iter().collect();
    assert_eq!(found, ["feed", "fetch", "store", "validate", "web"]);
    assert!(broken(&page("app"), "web").is_some_and(|told| told.contains("app stands below web")));
    assert!(broken(&page("store"), "normalize").is_some_and(|told| told.contains("never see each other")));
    assert!(broken(&page("app"), "cellar").is_some_and(|told| told.contains("no place")));
    assert_eq!(broken(&page("app"), "store"), None);
}
