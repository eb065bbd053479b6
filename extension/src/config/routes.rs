//! The routes, as text or as `[[routes]]` tables.

use forwarder_core::route::{RouteError, Routes};

use super::reader::Reader;
use super::sink::SinkConfig;

pub(super) fn read(reader: &mut Reader, sinks: &[SinkConfig], invocations: bool) -> Routes {
    let path = "routes";
    // Sinks with mistakes are left out of `sinks`; a rule that names one is no mistake of its own.
    let configured = reader.keys("sinks");
    let names: Vec<_> = configured.iter().map(String::as_str).collect();
    let Some(parsed) = parse_routes(reader, path, &names) else {
        // A sink that is only a fallback does not count.
        let fallbacks: Vec<_> = names
            .iter()
            .filter_map(|name| reader.text(&format!("sinks.{name}.fallback")))
            .collect();
        let is_fallback = |name: &str| fallbacks.iter().any(|fallback| fallback == name);
        let counted: Vec<_> = names.iter().copied().filter(|name| !is_fallback(name)).collect();
        if counted.len() > 1 && !reader.text_is_set(path) {
            let message = format!("with several sinks ({}) there must be routes", counted.join(", "));
            let example = counted.first().map(|name| format!("\"* -> {name}\""));
            reader.problem(path, message, example.as_deref());
        }
        let only = sinks.iter().position(|sink| counted.contains(&sink.name.as_str()));
        let routes = Routes::all_to(only.unwrap_or_default()).with_names(&names);
        return if invocations {
            routes.with_rows_to(only.unwrap_or_default())
        } else {
            routes
        };
    };
    match parsed {
        Ok(routes) if sinks.len() == names.len() => routes,
        Ok(_) => Routes::all_to(0),
        Err(errors) => {
            for error in errors {
                let table = format!("{path}.{}.match", error.rule - 1);
                reader.problem_at(path, &table, error.to_string());
            }
            Routes::all_to(0)
        }
    }
}

/// The routes: a string, or `[[routes]]` tables with `match` and `to`. `None` if there are none, or none that can be
/// read.
fn parse_routes(reader: &mut Reader, path: &str, sinks: &[&str]) -> Option<Result<Routes, Vec<RouteError>>> {
    let (value, _) = reader.raw(path)?;
    let Some(tables) = value.as_array() else {
        return reader.text(path).map(|text| Routes::parse(&text, sinks));
    };
    let (mut rules, mut complete) = (Vec::new(), true);
    for (index, table) in tables.iter().enumerate() {
        let rule = table.as_dict().and_then(|rule| {
            let condition = rule.get("match")?.as_str()?;
            let targets: Option<Vec<_>> = match rule.get("to")? {
                one if one.as_str().is_some() => Some(vec![one.as_str()?.to_owned()]),
                several => several
                    .as_array()?
                    .iter()
                    .map(|target| target.as_str().map(str::to_owned))
                    .collect(),
            };
            (rule.len() == 2).then_some((condition.to_owned(), targets?))
        });
        match rule {
            Some(rule) => rules.push(rule),
            None => {
                complete = false;
                let message =
                    "each of [[routes]] has `match` (a string) and `to` (an array of strings), and nothing else";
                reader.problem_at(path, &format!("{path}.{index}"), message);
            }
        }
    }
    let parsed = Routes::parse_tables(&rules, sinks);
    match parsed {
        // What is wrong with a table has been said, and its rule is missing.
        Ok(_) if !complete => None,
        Err(_) if rules.is_empty() && !complete => None,
        parsed => Some(parsed),
    }
}
