//! The corpus of docs/contract/routes.json: tables, and the mistakes that the parser finds in each. The CDK construct, which has
//! this grammar as WebAssembly, is held to the same corpus: a change here asks for `make grammar`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use forwarder_core::route::Routes;

use crate::world::SINKS;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/contract/routes.json");

/// Number of tables that are made from others by a change of one character.
const MUTANTS: usize = 600;

/// Characters that mean something in a table.
const ALPHABET: [&str; 24] = [
    " ",
    "->",
    ";",
    "\n",
    ",",
    "\"",
    "/",
    "\\",
    "#",
    "*",
    ".",
    "~",
    "=",
    ">",
    "<",
    "!",
    "%",
    "0",
    "9",
    "s",
    "level>=",
    "keep=failed",
    "drop",
    "ß",
];

/// String literals of a source that hold a rule: every table that the tests of this grammar name.
fn tables_of(source: &str) -> impl Iterator<Item = String> {
    let mut literals = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find('"') {
        let body = rest.get(start + 1..).unwrap_or_default();
        let mut escaped = false;
        let end = body.find(|char| {
            let ends = char == '"' && !escaped;
            escaped = char == '\\' && !escaped;
            ends
        });
        let Some(end) = end else { break };
        literals.push(format!("\"{}\"", body.get(..end).unwrap_or_default()));
        rest = body.get(end + 1..).unwrap_or_default();
    }
    let tables = literals
        .into_iter()
        .filter_map(|literal| serde_json::from_str::<String>(&literal).ok());
    tables.filter(|table| table.contains("->") && table.len() < 300 && !table.contains('{'))
}

fn tables() -> BTreeSet<String> {
    let guide = include_str!("../../../docs/ROUTING.md").split("```routes\n").skip(1);
    let guide = guide.filter_map(|part| Some(part.split_once("```")?.0.to_owned()));
    let mut tables: BTreeSet<String> = tables_of(include_str!("../../src/route/parse.rs"))
        .chain(tables_of(include_str!("table.rs")))
        .chain(guide)
        .chain([String::new()])
        .collect();
    let originals: Vec<String> = tables.iter().cloned().collect();
    let mut random = fastrand::Rng::with_seed(1);
    for _ in 0..MUTANTS {
        let mut table = originals[random.usize(..originals.len())].clone();
        let places: Vec<usize> = table.char_indices().map(|(at, _)| at).chain([table.len()]).collect();
        let at = places[random.usize(..places.len())];
        if random.bool() {
            table.insert_str(at, ALPHABET[random.usize(..ALPHABET.len())]);
        } else if at < table.len() {
            table.remove(at);
        }
        tables.insert(table);
    }
    tables
}

/// One line a table, so that a diff shows what changed.
fn corpus() -> String {
    let json = |value: &serde_json::Value| serde_json::to_string(value).unwrap();
    let mut text = format!("{{\"sinks\":{},\"tables\":[\n", json(&SINKS.as_slice().into()));
    let mut separator = "";
    for table in tables() {
        let mistakes: Vec<String> = Routes::parse(&table, &SINKS)
            .err()
            .into_iter()
            .flatten()
            .map(|error| error.to_string())
            .collect();
        write!(
            text,
            "{separator}{{\"table\":{},\"mistakes\":{}}}",
            json(&table.into()),
            json(&mistakes.into())
        )
        .unwrap();
        separator = ",\n";
    }
    text + "\n]}\n"
}

#[test]
fn the_corpus_says_what_the_parser_says() {
    let corpus = corpus();
    if std::env::var_os("UPDATE_CONTRACT").is_some() {
        std::fs::write(CORPUS, &corpus).unwrap();
    }
    let committed = std::fs::read_to_string(CORPUS).unwrap_or_default();
    let differs = committed
        .lines()
        .zip(corpus.lines())
        .find(|(committed, now)| committed != now);
    assert!(
        committed == corpus,
        "docs/contract/routes.json is not what the parser says: {differs:#?}\nwrite it with UPDATE_CONTRACT=1, and renew the construct\'s grammar with `make grammar`"
    );
}
