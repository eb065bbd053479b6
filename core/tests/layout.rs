//! The order of the folders in `src/lib.rs`: a folder uses only those before it.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::{Path, PathBuf};

const LIB: &str = include_str!("../src/lib.rs");

/// The folders, as the numbered list in `lib.rs` has them.
fn order() -> Vec<&'static str> {
    let items = LIB.lines().filter_map(|line| line.strip_prefix("//! "));
    let numbered = items.filter(|item| item.starts_with(|first: char| first.is_ascii_digit()));
    numbered
        .map(|item| {
            item.split('`')
                .nth(1)
                .unwrap_or_else(|| panic!("no folder in `{item}`"))
        })
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}

/// The folders that a text names after `crate::`.
fn used(text: &str) -> impl Iterator<Item = &str> {
    let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split("crate::").skip(1)).map(|rest| {
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
            .unwrap()
    })
}

/// True for a file of the crate's own beside the folders that uses nothing of the crate.
fn is_below_all(src: &Path, module: &str) -> bool {
    let file = src.join(module).with_extension("rs");
    LIB.lines().any(|line| line == format!("mod {module};"))
        && std::fs::read_to_string(file).is_ok_and(|text| used(&text).next().is_none())
}

#[test]
fn a_folder_uses_only_those_before_it() {
    let order = order();
    let modules: Vec<_> = LIB.lines().filter_map(|line| line.strip_prefix("pub mod ")).collect();
    assert_eq!(order.len(), modules.len(), "the list in lib.rs names every module");
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    let mut seen = 0;
    for (place, folder) in order.iter().enumerate() {
        for path in sources(&src.join(folder)) {
            let name = path.strip_prefix(&src).unwrap().to_str().unwrap().to_owned();
            for other in used(&std::fs::read_to_string(&path).unwrap()) {
                seen += 1;
                let known = order.iter().position(|known| *known == other);
                let is_before = known.is_some_and(|other| other <= place) || is_below_all(&src, other);
                if !is_before {
                    wrong.push(format!("{name} uses crate::{other}"));
                }
            }
        }
    }
    assert!(seen > 50, "{seen} uses found");
    assert_eq!(wrong, Vec::<String>::new());
}
