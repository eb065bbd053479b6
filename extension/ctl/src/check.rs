//! `forwarderctl check`: what a configuration means, and what is wrong with it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use forwarder_core::route::{Dead, Routes};
use serde_json::{Value, json};

use super::{ERRORS, GOOD, Output, WARNINGS};
use telemetry_forwarder::config::{self, Config, Effective, Inspection, Origin, Problem};

/// Checks the configuration that these variables make. Returns the exit code.
///
/// # Errors
/// The output cannot be written.
pub fn run(variables: &BTreeMap<String, String>, strict: bool, output: Output, out: &mut dyn Write) -> io::Result<u8> {
    let inspection = config::inspect(variables);
    let (problems, warnings) = match &inspection.config {
        Ok(config) => (&[][..], warnings(config, &inspection)),
        Err(problems) => (problems.as_slice(), Vec::new()),
    };
    match output {
        Output::Text => write_text(&inspection, problems, &warnings, out)?,
        Output::Json => writeln!(out, "{:#}", as_json(&inspection, problems, &warnings))?,
    }
    Ok(match (problems.is_empty(), warnings.is_empty()) {
        (false, _) => ERRORS,
        (true, false) if strict => WARNINGS,
        _ => GOOD,
    })
}

/// Allowed settings that are most likely not meant.
pub fn warnings(config: &Config, inspection: &Inspection) -> Vec<String> {
    let routes = &config.routes;
    let rules = routes.rules();
    let text = |index: usize| {
        let rule = rules.get(index).map(|rule| rule.display(routes.sinks()).to_string());
        format!("rule {} `{}`", index + 1, rule.unwrap_or_default())
    };
    let forwards = |kind: &forwarder_core::telemetry::event::Kind<'_>| config.types.include(kind);
    let mut warnings: Vec<_> = inspection.basics.warnings.clone();
    warnings.extend(routes.dead_rules(forwards).into_iter().map(|(index, why)| match why {
        Dead::Shadowed { by } => format!(
            "{} can never match: {} and others before it take all that it could",
            text(index),
            text(by)
        ),
        Dead::NoLevels => format!("{} can never match: platform events have no level", text(index)),
        Dead::NotForwarded => format!(
            "{} can never match: its types are not forwarded; add them to telemetry.types",
            text(index)
        ),
    }));
    let uncovered = routes.uncovered_types(forwards);
    if !uncovered.is_empty() {
        warnings.push(format!(
            "there is no catch-all: events that no rule takes are counted, not forwarded ({}); end the routes with `* -> {}` or `* -> drop`",
            uncovered.join(", "),
            routes.sinks().first().map_or("kinesis", String::as_str)
        ));
    }
    let is_fallback = |name: &str| config.sinks.iter().any(|sink| sink.fallback.as_deref() == Some(name));
    for (index, sink) in config.sinks.iter().enumerate() {
        if !routes.name_sink(index) && !is_fallback(&sink.name) {
            warnings.push(format!("no rule names the sink `{}`: it gets nothing", sink.name));
        }
    }
    for sink in config.sinks.iter().filter(|sink| sink.packing.format.name() == "kpl") {
        warnings.push(format!(
            "the sink `{}` writes KPL aggregates: if its stream's records are distributed by AUTO, KCL readers lose them without a word; leave the stream at USER_PARTITION_KEY, or use ndjson",
            sink.name
        ));
    }
    if inspection.set.iter().any(|set| set.path == "flush.idle")
        && config.flush.strategy != forwarder_core::forwarder::flush::Strategy::Adaptive
    {
        warnings.push("flush.idle has no effect but under flush.strategy = adaptive".into());
    }
    warnings
}

fn write_text(
    inspection: &Inspection,
    problems: &[Problem],
    warnings: &[String],
    out: &mut dyn Write,
) -> io::Result<()> {
    if let Ok(config) = &inspection.config {
        write_settings(&config::effective(inspection, config), out)?;
        write_routes(&config.routes, out)?;
    }
    for problem in problems {
        writeln!(out, "error: {problem}")?;
    }
    for warning in warnings {
        writeln!(out, "warning: {warning}")?;
    }
    let count = |count: usize, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
    match (problems.len(), warnings.len()) {
        (0, 0) => writeln!(out, "the configuration is good"),
        (0, warnings) => writeln!(out, "the configuration is good, with {}", count(warnings, "warning")),
        (errors, _) => writeln!(out, "{}: nothing would be forwarded", count(errors, "error")),
    }
}

fn write_settings(settings: &[Effective], out: &mut dyn Write) -> io::Result<()> {
    let lines = settings.iter().map(|setting| {
        (
            format!("{} = {}", setting.path, setting.value),
            origin(setting.origin.as_ref()),
        )
    });
    let lines: Vec<_> = lines.collect();
    let width = lines
        .iter()
        .map(|(line, _)| line.chars().count())
        .max()
        .unwrap_or(0)
        .min(60);
    for (line, origin) in lines {
        writeln!(out, "{line:width$}  # {origin}")?;
    }
    writeln!(out)
}

fn origin(origin: Option<&Origin>) -> String {
    origin.map_or_else(|| "default".to_owned(), ToString::to_string)
}

fn write_routes(routes: &Routes, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "routes, the first that matches wins:")?;
    for (index, rule) in routes.rules().iter().enumerate() {
        writeln!(out, "  {:2}  {}", index + 1, rule.display(routes.sinks()))?;
    }
    writeln!(out)
}

fn as_json(inspection: &Inspection, problems: &[Problem], warnings: &[String]) -> Value {
    let errors = problems.iter().map(|problem| {
        json!({
            "severity": "error",
            "path": problem.path,
            "origin": problem.origin.as_ref().map(ToString::to_string),
            "value": problem.value,
            "message": problem.message,
            "example": problem.example,
            "text": problem.to_string(),
        })
    });
    let warned = warnings
        .iter()
        .map(|warning| json!({"severity": "warning", "message": warning, "text": warning}));
    let findings: Vec<_> = errors.chain(warned).collect();
    let (settings, routes) = match &inspection.config {
        Ok(config) => (
            config::effective(inspection, config)
                .into_iter()
                .map(|setting| json!({"path": setting.path, "value": setting.value, "origin": origin(setting.origin.as_ref())}))
                .collect(),
            config
                .routes
                .rules()
                .iter()
                .map(|rule| rule.display(config.routes.sinks()).to_string())
                .collect(),
        ),
        Err(_) => (Vec::new(), Vec::new()),
    };
    json!({
        "errors": problems.len(),
        "warnings": warnings.len(),
        "findings": findings,
        "settings": settings,
        "routes": routes,
    })
}
