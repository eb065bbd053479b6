//! `forwarderctl route`: which rule takes each of some events, and where they go: the extension's own pipeline decides.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use forwarder_core::intake::{Decided, Intake, RowEvent, Settled, Verdict};
use forwarder_core::record::envelope::Resource;
use forwarder_core::telemetry::batch::Batch;
use forwarder_core::telemetry::event::{Event, INVOCATION};
use forwarder_core::telemetry::json::unescape;
use serde_json::{Value, json};

use super::{ERRORS, GOOD, Output, Streams};
use telemetry_forwarder::config::{self, Config};

/// Verdict for one event.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// To these sinks, by this rule.
    Sent(usize, Vec<String>),
    Drop(usize),
    Unmatched,
    Sampled,
    /// Its invocation ended in another way than some `keep` asks for.
    NotKept,
    /// A log line of the forwarder itself.
    OwnLine,
    /// No event: it goes to every routed sink as `forwarder.unparsed`.
    Unparsed(String),
}

/// One event, and what becomes of it.
struct Routed {
    kind: String,
    request_id: Option<String>,
    fate: Fate,
    /// It waited for its invocation's end.
    waited: bool,
}

/// Routes the events of a file, or of standard input. Returns the exit code.
///
/// # Errors
/// The output cannot be written.
pub fn run(
    variables: &BTreeMap<String, String>,
    file: Option<&str>,
    output: Output,
    streams: &mut Streams<'_>,
) -> io::Result<u8> {
    let config = match config::load(variables).1 {
        Ok(config) => config,
        Err(problems) => {
            for problem in problems {
                writeln!(streams.errors, "error: {problem}")?;
            }
            return Ok(ERRORS);
        }
    };
    let mut input = Vec::new();
    let read = match file {
        Some(file) => std::fs::read(file).map(|bytes| input = bytes),
        None => streams.input.read_to_end(&mut input).map(drop),
    };
    if let Err(error) = read {
        let name = file.unwrap_or("standard input");
        writeln!(streams.errors, "error: {name} cannot be read: {error}")?;
        return Ok(ERRORS);
    }
    let routed = route(&config, &input);
    match output {
        Output::Text => write_text(&config, &routed, streams.output)?,
        Output::Json => writeln!(streams.output, "{:#}", as_json(&config, &routed))?,
    }
    let has_events = routed.iter().any(|routed| !matches!(routed.fate, Fate::Unparsed(_)));
    if !has_events {
        writeln!(
            streams.errors,
            "error: there is no telemetry event in it; it takes a JSON array of events, or one event a line"
        )?;
        return Ok(ERRORS);
    }
    Ok(GOOD)
}

/// A JSON array is one body; otherwise each line is one event.
fn bodies(input: &[u8]) -> Vec<Cow<'_, [u8]>> {
    if input.trim_ascii_start().starts_with(b"[") {
        return vec![Cow::Borrowed(input)];
    }
    let lines = input.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let lines = lines.filter(|line| !line.is_empty());
    lines.map(|line| Cow::Owned([b"[", line, b"]"].concat())).collect()
}

fn route(config: &Config, input: &[u8]) -> Vec<Routed> {
    let mut intake = Intake::new(
        config.types,
        Arc::new(config.routes.clone()),
        Resource::default(),
        config.redaction.clone(),
        false,
    );
    let mut table = Table {
        config,
        routed: Vec::new(),
        waiting: HashMap::new(),
    };
    let now = Instant::now();
    for body in bodies(input) {
        for item in Batch::new(&body) {
            match item {
                Ok(event) => table.add(&event, &intake.decide(&event, now)),
                Err(malformed) => table.routed.push(Routed {
                    kind: "forwarder.unparsed".into(),
                    request_id: None,
                    fate: Fate::Unparsed(malformed.error.to_string()),
                    waited: false,
                }),
            }
        }
    }
    intake.finish_rows(now).iter().for_each(|row| table.add_row(row));
    // An invocation without an end is kept.
    while let Some(settled) = intake.let_go(now) {
        table.settle(&settled);
    }
    table.routed
}

/// The events so far, and which of them wait.
struct Table<'a> {
    config: &'a Config,
    routed: Vec<Routed>,
    /// The events that wait, by their request (JSON text) in order, as indices.
    waiting: HashMap<String, VecDeque<usize>>,
}

impl Table<'_> {
    fn add(&mut self, event: &Event<'_>, decided: &Decided<'_>) {
        decided
            .settled
            .iter()
            .flatten()
            .for_each(|settled| self.settle(settled));
        let request_id = decided.line.context.request_id;
        if let (Verdict::Wait, Some(request_id)) = (decided.verdict, request_id) {
            let waiting = self.waiting.entry(request_id.to_owned()).or_default();
            waiting.push_back(self.routed.len());
        }
        self.routed.push(Routed {
            kind: event.kind.name().to_owned(),
            request_id: request_id.map(|id| unescape(id).into_owned()),
            fate: Fate::of(decided.verdict, self.config),
            waited: matches!(decided.verdict, Verdict::Wait | Verdict::Keep(..) | Verdict::NotKept),
        });
        decided.rows.iter().flatten().for_each(|row| self.add_row(row));
    }

    /// The row of an invocation, behind the event that ends it.
    fn add_row(&mut self, row: &RowEvent) {
        let request_id = row.line().context.request_id.unwrap_or_default();
        if row.verdict() == Verdict::Wait {
            let waiting = self.waiting.entry(request_id.to_owned()).or_default();
            waiting.push_back(self.routed.len());
        }
        self.routed.push(Routed {
            kind: INVOCATION.to_owned(),
            request_id: Some(unescape(request_id).into_owned()),
            fate: Fate::of(row.verdict(), self.config),
            waited: matches!(row.verdict(), Verdict::Wait | Verdict::Keep(..) | Verdict::NotKept),
        });
    }

    fn settle(&mut self, settled: &Settled<'_>) {
        for (line, verdict) in settled.lines() {
            let waiting = self.waiting.get_mut(line.context.request_id.unwrap_or_default());
            let index = waiting.and_then(VecDeque::pop_front);
            if let Some(routed) = index.and_then(|index| self.routed.get_mut(index)) {
                routed.fate = Fate::of(verdict, self.config);
            }
        }
    }
}

fn names(config: &Config, targets: &[usize]) -> Vec<String> {
    let sinks = targets.iter().filter_map(|&target| config.sinks.get(target));
    sinks.map(|sink| sink.name.clone()).collect()
}

impl Fate {
    fn of(verdict: Verdict<'_>, config: &Config) -> Self {
        match verdict {
            Verdict::Send(rule, targets) | Verdict::Keep(rule, targets) => Self::Sent(rule, names(config, targets)),
            Verdict::Drop(rule) => Self::Drop(rule),
            // All that waits is settled in the end.
            Verdict::Wait | Verdict::NotKept => Self::NotKept,
            Verdict::Sampled => Self::Sampled,
            Verdict::Unmatched => Self::Unmatched,
            Verdict::OwnLine => Self::OwnLine,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Sent(..) => "sent",
            Self::Drop(_) => "drop",
            Self::Unmatched => "unmatched",
            Self::Sampled => "sampled",
            Self::NotKept => "notKept",
            Self::OwnLine => "ownLine",
            Self::Unparsed(_) => "unparsed",
        }
    }

    fn rule(&self) -> Option<usize> {
        match self {
            Self::Sent(rule, _) | Self::Drop(rule) => Some(*rule),
            _ => None,
        }
    }

    fn sinks(&self) -> &[String] {
        match self {
            Self::Sent(_, sinks) => sinks,
            _ => &[],
        }
    }

    fn text(&self, waited: bool) -> String {
        let waited = if waited { ", kept" } else { "" };
        match self {
            Self::Sent(rule, sinks) => format!("rule {}{waited} -> {}", rule + 1, sinks.join(", ")),
            Self::Drop(rule) => format!("rule {} -> drop", rule + 1),
            Self::Unmatched => "no rule takes it".into(),
            Self::Sampled => "not in the sample".into(),
            Self::NotKept => "not kept".into(),
            Self::OwnLine => "the forwarder's own line, never forwarded".into(),
            Self::Unparsed(error) => format!("no event ({error}); goes out as it is to every routed sink"),
        }
    }
}

/// Counts of events by rule, by sink, and of the others.
fn counts(config: &Config, routed: &[Routed]) -> (Vec<usize>, Vec<usize>, BTreeMap<&'static str, usize>) {
    let mut rules = vec![0; config.routes.rules().len()];
    let mut sinks = vec![0; config.sinks.len()];
    let mut fates = BTreeMap::new();
    for event in routed {
        *fates.entry(event.fate.name()).or_default() += 1;
        if let Some(count) = event.fate.rule().and_then(|rule| rules.get_mut(rule)) {
            *count += 1;
        }
        for (sink, count) in config.sinks.iter().zip(&mut sinks) {
            *count += usize::from(event.fate.sinks().contains(&sink.name));
        }
    }
    (rules, sinks, fates)
}

fn write_text(config: &Config, routed: &[Routed], out: &mut dyn Write) -> io::Result<()> {
    let width = routed.iter().map(|event| event.kind.len()).max().unwrap_or(0);
    for (index, event) in routed.iter().enumerate() {
        let request_id = event.request_id.as_deref().unwrap_or("-");
        let text = event.fate.text(event.waited);
        writeln!(out, "{:5}  {:width$}  {request_id:36}  {text}", index + 1, event.kind)?;
    }
    let (rules, sinks, fates) = counts(config, routed);
    writeln!(out, "\n{} events", routed.len())?;
    for (index, (rule, count)) in config.routes.rules().iter().zip(rules).enumerate() {
        writeln!(
            out,
            "{count:5}  rule {} `{}`",
            index + 1,
            rule.display(config.routes.sinks())
        )?;
    }
    for (sink, count) in config.sinks.iter().zip(sinks) {
        writeln!(out, "{count:5}  sink {}", sink.name)?;
    }
    for (fate, count) in fates {
        writeln!(out, "{count:5}  {fate}")?;
    }
    Ok(())
}

fn as_json(config: &Config, routed: &[Routed]) -> Value {
    let events: Vec<_> = routed
        .iter()
        .map(|event| {
            json!({
                "type": event.kind,
                "requestId": event.request_id,
                "outcome": event.fate.name(),
                "rule": event.fate.rule().map(|rule| rule + 1),
                "sinks": event.fate.sinks(),
                "waited": event.waited,
            })
        })
        .collect();
    let (rules, sinks, fates) = counts(config, routed);
    let sinks: BTreeMap<_, _> = config.sinks.iter().map(|sink| sink.name.as_str()).zip(sinks).collect();
    json!({"events": events, "summary": {"events": routed.len(), "rules": rules, "sinks": sinks, "outcomes": fates}})
}
