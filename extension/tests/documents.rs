//! The table of settings against those who repeat it: CONTRACT.md, which has it whole, README.md, the options of the CDK
//! construct.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use telemetry_forwarder::config::settings::{Kind, SETTINGS};

fn read(path: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The settings in the tables of a document, as dotted paths, with what is said of their defaults.
fn documented(document: &str) -> BTreeMap<String, String> {
    let mut settings = BTreeMap::new();
    for row in document
        .lines()
        .filter(|line| line.starts_with("| `FORWARDER_") || line.starts_with("| `…__"))
    {
        let cells: Vec<_> = row.split(" | ").collect();
        let names: Vec<_> = cells[0].split('`').skip(1).step_by(2).collect();
        let defaults: Vec<_> = match names.len() {
            1 => vec![cells[1]],
            _ => cells[1].split(", ").collect(),
        };
        // `…` is the part that the first name of a row begins with, else a sink.
        let before = names[0].strip_suffix(names[0].rsplit("__").next().unwrap()).unwrap();
        let before = match before.strip_suffix("__") {
            Some(before) if before != "…" => before,
            _ => "FORWARDER_SINKS__<NAME>",
        };
        for (index, name) in names.iter().enumerate() {
            let name = name.replace('…', before);
            let path = name.strip_prefix("FORWARDER_").unwrap().to_lowercase();
            let default = defaults.get(index).copied().unwrap_or_default().replace(['`', ' '], "");
            settings.insert(path.replace("__", ".").replace("<name>", "*"), default);
        }
    }
    settings
}

/// Lines around the table of settings in the contract.
const TABLE_BEGINS: &str = "<!-- The table of extension/src/config/settings.rs: make settings writes it. -->\n";
const TABLE_ENDS: &str = "<!-- End of the table. -->\n";

/// The variable of a setting: `FORWARDER_SINKS__<NAME>__STREAM`.
fn variable(path: &str) -> String {
    let name = path.replace('*', "<name>").replace('.', "__").to_uppercase();
    format!("FORWARDER_{name}")
}

/// The table of settings, as the contract has it.
fn table() -> String {
    let mut table = String::from("| variable | default | |\n|---|---|---|\n");
    for setting in SETTINGS {
        let default = match setting.default {
            "" => String::new(),
            default => format!("`{default}`"),
        };
        let values = match setting.kind {
            Kind::Choice(names) => format!(" One of `{}`.", names.join("`, `")),
            _ => String::new(),
        };
        let bounds = setting.bounds().unwrap_or_default();
        let variable = variable(setting.path);
        table.push_str(&format!(
            "| `{variable}` | {default} | {}{values}{bounds} |\n",
            setting.about
        ));
    }
    table
}

#[test]
fn the_contract_has_the_table_of_settings() {
    let contract = read("docs/CONTRACT.md");
    let (before, rest) = contract.split_once(TABLE_BEGINS).unwrap();
    let (there, after) = rest.split_once(TABLE_ENDS).unwrap();
    if std::env::var_os("UPDATE_CONTRACT").is_some() {
        let whole = [before, TABLE_BEGINS, &table(), TABLE_ENDS, after].concat();
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/CONTRACT.md");
        return std::fs::write(path, whole).unwrap();
    }
    assert_eq!(there, table(), "write it with: make settings");
}

#[test]
fn the_readme_names_settings_that_exist_with_their_defaults() {
    let documented = documented(&read("README.md"));
    assert!(documented.len() > 12, "{documented:?}");
    for (path, default) in documented {
        let setting = SETTINGS.iter().find(|setting| setting.path == path);
        let setting = setting.unwrap_or_else(|| panic!("there is no {path}"));
        if !setting.default.is_empty() {
            assert_eq!(default, setting.default, "{path}");
        }
    }
}

/// `maxBytes` as a configuration has it: `max_bytes`.
fn snake(name: &str) -> String {
    let underscore = |letter: char| match letter.is_ascii_uppercase() {
        true => format!("_{}", letter.to_ascii_lowercase()),
        false => letter.to_string(),
    };
    name.chars().map(underscore).collect()
}

/// A default of TypeScript as a configuration has it; `None` for one in words.
fn plain(default: &str) -> Option<String> {
    let inner = |constructor: &str| default.strip_prefix(constructor)?.strip_suffix(')');
    let text = if default.starts_with('-') {
        return None;
    } else if let Some(number) = inner("Size.mebibytes(") {
        format!("{number}MiB")
    } else if let Some(number) = inner("Size.kibibytes(") {
        format!("{number}KiB")
    } else if let Some(number) = inner("Duration.millis(") {
        format!("{number}ms")
    } else if let Some(number) = inner("Duration.seconds(") {
        format!("{number}s")
    } else if let Some(items) = default.strip_prefix('[') {
        let items = items.trim_end_matches(']').split(", ");
        items.map(|item| plain(item).unwrap()).collect::<Vec<_>>().join(",")
    } else {
        let name = default.rsplit('.').next().unwrap();
        name.trim_matches('\'').to_lowercase()
    };
    Some(text)
}

/// Options of the construct by their dotted path, each with its default.
fn options(source: &str) -> Vec<(String, Option<String>)> {
    let mut options = Vec::new();
    let (mut before, mut default) = (None, None);
    for line in source.lines() {
        if let Some(rest) = line.strip_prefix("export interface ") {
            before = match rest.split_whitespace().next().unwrap() {
                "FlushOptions" => Some("flush."),
                "BufferOptions" => Some("buffer."),
                "SpoolOptions" => Some("spool."),
                "TelemetryOptions" => Some("telemetry."),
                "ForwarderOptions" => Some(""),
                "SinkProps" | "ServiceSinkProps" | "KinesisSinkProps" => Some("sinks.*."),
                _ => None,
            };
        } else if let Some(text) = line.trim().strip_prefix("* @default ") {
            default = Some(text.to_owned());
        } else if let (Some(before), Some(member)) = (before, line.trim().strip_prefix("readonly "))
            && let Some((name, _)) = member.split_once("?:")
        {
            let default = default.take();
            options.push((
                format!("{before}{}", snake(name)),
                default.and_then(|default| plain(&default)),
            ));
        }
    }
    options
}

#[test]
fn the_options_of_the_construct_have_the_same_defaults() {
    let mut seen = 0;
    let sources = [
        read("infra/construct/src/options.ts"),
        read("infra/construct/src/sink.ts"),
    ];
    let options: Vec<_> = sources.iter().flat_map(|source| options(source)).collect();
    for setting in SETTINGS {
        // The construct makes `type` of the sink's class, and has its own form of attributes.
        if ["sinks.*.type", "attributes"].contains(&setting.path) {
            continue;
        }
        let option = options.iter().find(|(path, _)| path == setting.path);
        let (path, default) = option.unwrap_or_else(|| panic!("the construct has no option for {}", setting.path));
        let Some(default) = default else { continue };
        let is_same = match setting.kind {
            Kind::Size { .. } => bytes(default) == bytes(setting.default),
            _ => default == setting.default,
        };
        assert!(is_same, "{path}: {default} in the construct, {} here", setting.default);
        seen += 1;
    }
    assert!(seen > 15, "{seen} defaults compared");
}

fn bytes(size: &str) -> usize {
    let factors = [("MiB", 1_048_576), ("KiB", 1_024), ("", 1)];
    let parsed = factors
        .iter()
        .find_map(|(unit, factor)| Some(size.strip_suffix(unit)?.parse::<usize>().ok()? * factor));
    parsed.unwrap_or_else(|| panic!("{size}"))
}
